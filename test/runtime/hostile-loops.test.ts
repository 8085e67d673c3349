import { loopsOfEmbedders } from '../support/host-loop/embedders.ts';
import { loopsOfHostFunctions } from '../support/host-loop/host-functions.ts';

loopsOfHostFunctions();
loopsOfEmbedders();
