export {
  ANSWER_BYTES,
  ANSWER_LENGTH,
  Answer,
  EXCHANGE_BYTES,
  EXCHANGE_IMPORTS,
  MOST_ANSWERED,
  MOST_GIVEN,
  PARAMETERS,
  theExchange,
} from './exchange.ts';
export { copyBytes, KeptText, MOST_KEPT, writeAscii } from './kept-text.ts';
export { readBytes, writeBytes } from './small-bytes.ts';
export { AbiTrap, trap } from './trap.ts';
