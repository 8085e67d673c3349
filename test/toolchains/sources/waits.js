// Asynchronous exports, by the asynchronous runtime of componentize-qjs.
import { tick } from 'test:waits/clock';

export async function later(n) {
  let at = n;
  for (let i = 0; i < 3; i++) {
    await Promise.resolve();
    at = tick(at);
  }
  if (at > 100) throw 'too much';
  return `at ${at}`;
}

export async function sum(of) {
  await new Promise((resolve) => Promise.resolve().then(resolve));
  return of.reduce((all, each) => all + each, 0);
}
