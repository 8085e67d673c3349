// What a guest written in JavaScript does all day: objects, strings, maps, closures, sorting, some arithmetic.
const WORDS = 'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor'.split(' ');

class Vector {
  constructor(x, y) {
    this.x = x;
    this.y = y;
  }
  plus(other) {
    return new Vector(this.x + other.x, this.y + other.y);
  }
}

function wordCounts(round) {
  const counts = new Map();
  for (let i = 0; i < 300; i++) {
    const word = WORDS[(i * 7 + round) % WORDS.length];
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([word, count]) => `${word}:${count}`);
}

function walk(round) {
  let at = new Vector(0, round);
  for (let i = 0; i < 400; i++) at = at.plus({ x: i % 3, y: (i * round) % 5 });
  return at.x * 31 + at.y;
}

function parsed(round) {
  const text = JSON.stringify({ round, items: wordCounts(round), nested: { deep: [1, 2, { three: round }] } });
  return JSON.parse(text).items.join().length + text.length;
}

export function run(rounds) {
  let sum = 0;
  for (let round = 0; round < rounds; round++) sum = (Math.imul(sum, 31) + walk(round) + parsed(round)) >>> 0;
  return sum;
}
