import { URL, URLSearchParams } from 'whatwg-url-minimum';

Object.assign(globalThis, { URL, URLSearchParams });
