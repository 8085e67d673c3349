export { compareVersions, type InterfaceName, interfaceName, isCompatible } from './interface-name.ts';
export { isTaken, memberName } from './member-name.ts';
