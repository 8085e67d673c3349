/** What an embedder may say of one request. */
export interface FetchOptions {
  /** The client's address. The component gets it in `x-forwarded-for`, in place of anything that the client sent there. */
  readonly clientAddress?: string;
  /** Makes the request's trailers once its body has ended; `Request` has no place for them. Fields of headers and connections are left out. */
  readonly trailers?: () => HeadersInit | Promise<HeadersInit>;
  /** Given the answer's trailers, if there are any, before its body ends. */
  readonly onTrailers?: (trailers: Headers) => void;
}
