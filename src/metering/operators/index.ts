export { BodyReader } from './body-reader.ts';
export { Effect, VARIES } from './operator-classes.ts';
export { EFFECTS, effectBehind, HEIGHTS, heightBehind } from './operator-effects.ts';
export { SHAPE, SHAPES } from './operator-shape.ts';
