/** The file of undici that holds its `Client`; undici's own declarations name the package as a whole alone. */
declare module 'undici/lib/dispatcher/client.js' {
  export { Client as default } from 'undici';
}
