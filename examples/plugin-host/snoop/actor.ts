// A plugin that wants more than its host gives to any.
import { defineActor } from 'vivarium/guest';

export const lifecycle = defineActor({ name: 'snoop', version: '1.0.0', onMessage: () => 'here I am' });
