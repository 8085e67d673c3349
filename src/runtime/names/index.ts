export { compareVersions, interfaceName, isCompatible } from './interface-name.ts';
export { isTaken, memberName } from './member-name.ts';
