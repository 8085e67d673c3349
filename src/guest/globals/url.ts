import { URL, URLSearchParams } from 'whatwg-url-minimum';
import { install } from './install.ts';

install({ URL, URLSearchParams });
