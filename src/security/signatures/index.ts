export {
  type Envelope,
  formatEnvelope,
  MAX_ENVELOPE_BYTES,
  MAX_SIGNATURES,
  parseEnvelope,
  signEnvelope,
  verifyEnvelope,
} from './dsse.ts';
export { readSignatureFile, signaturePath, signFile, verifyFile } from './signature-file.ts';
export { COMPONENT_MEDIA_TYPE, digestOf, type Statement, signStatement, verifyStatement } from './statement.ts';
