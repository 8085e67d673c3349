// The public API as it was committed. To change it on purpose: npx vitest run test/api -u
import { describe, expect, it } from 'vitest';
import { readDoors } from './mentioned.ts';

const DOORS = [
  'src',
  'src/metering',
  'src/cache',
  'src/bundle',
  'src/registry',
  'src/delegation',
  'src/guest',
  'src/testing',
];
const doors = readDoors(DOORS.map((folder) => `${folder}/index.ts`));

describe.each(DOORS)('the door of %s', (folder) => {
  const door = doors.get(`${folder}/index.ts`);

  it('exports what was decided, and nothing else', async () => {
    const list = `${(door?.names ?? []).join('\n')}\n`;
    await expect(list).toMatchFileSnapshot(`./snapshots/${folder.replaceAll('/', '-')}.txt`);
  });

  it('exports every type that its declarations mention', () => {
    expect(door?.unexported).toEqual([]);
  });
});
