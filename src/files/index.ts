export {
  openRegular,
  openRegularSync,
  type RegularFileOptions,
  readRegular,
  readRegularSync,
  streamRegular,
  TooLargeFile,
  UnusableFile,
} from './regular-file.ts';
export { type SourcePlace, sourceLines } from './source-map.ts';
