import { it } from 'vitest';
import { broadcastTo } from '../../support/broadcast.ts';

it('a component broadcasts to ten thousand others, and each takes it', () => broadcastTo(10_000));
