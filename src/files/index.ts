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
