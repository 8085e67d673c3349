export { Chain, type Linked } from './chain.ts';
export { RingBuffer } from './ring-buffer.ts';
