// An actor of vivarium:actor@0.2.0 that imports nothing, by the asynchronous runtime of componentize-qjs: answers, and fails if a message says so.
let handled = 0;
const utf8 = (text) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
export const lifecycle = {
  async initialize() {},
  async handleMessage(message) {
    await Promise.resolve();
    handled += 1;
    const text = String.fromCharCode(...message.payload);
    if (text === 'fail') throw { tag: 'runtime-error', val: 'asked to fail' };
    if (text.startsWith('echo ')) return utf8(text.slice(5));
    return utf8(`${handled}`);
  },
  async handleCallback() {},
  metadata: () => ({
    name: 'quickjs',
    version: '1.0.0',
    description: '',
    author: '',
    license: '',
    supportedOperations: [],
    stateful: true,
  }),
  async health() {
    return 'healthy';
  },
  async shutdown() {},
};
