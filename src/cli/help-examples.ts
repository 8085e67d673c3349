import type { Command } from 'commander';

/** The examples at the end of each command's help, by the command's words. `run`, `call` and `start` add longer ones themselves. */
const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  '': [
    'viv new greeter && viv build greeter && viv run greeter/actor.wasm --message Ada',
    "viv run counter.wasm --grant 'storage:*:**' < messages.txt",
  ],
  new: [
    'viv new greeter',
    'viv new site --template handler',
    'viv new tool --language rust',
    'viv new rules --template library',
  ],
  build: ['viv build greeter', 'viv build greeter/src/actor.ts --output greeter.wasm'],
  dev: ['viv dev greeter', "viv dev greeter --grant 'storage:*:**'"],
  serve: ['viv serve app.wasm', 'viv serve site.wasm --route /shop=shop.wasm --addr 127.0.0.1:3000'],
  mcp: ['viv mcp tools.wasm', "viv mcp notes.wasm --store per-actor --grant 'storage:*:**'"],
  inspect: ['viv inspect greeter/actor.wasm', 'viv inspect greeter/actor.toml', 'viv inspect plugin.wasm --json'],
  types: [
    'viv types shop.wasm -o shop.d.ts',
    'viv types shop.wit -o shop.d.ts',
    'viv types . --guest -o types/wit.d.ts',
  ],
  meter: ['viv meter math.wasm --explain', 'viv meter math.wasm --output math.metered.wasm'],
  'token new': ['viv token new ci --scope deploy --scope read --valid-for 90d', 'viv token new ops --json'],
  'key new': ['viv key new ada', 'viv key new ci --valid-for 365d'],
  'key list': ['viv key list', 'viv key list --json'],
  'key export': ['viv key export ada > ada.pem', 'viv key export ada --private --output ada.private.pem'],
  'key import': ['viv key import ada ada.pem'],
  'key revoke': ["viv key revoke ada --reason 'the laptop was stolen'"],
  sign: ['viv sign plugin.wasm --key ada', 'viv sign plugin.wasm --key ada --valid-for 90d'],
  verify: ['viv verify plugin.wasm', 'viv run plugin.wasm --trust signed --message Ada'],
  'audit show': ['viv audit show --since 1h', 'viv audit show --outcome denied --component demo --follow'],
  'audit verify': ['viv audit verify'],
  'cache stats': ['viv cache stats', 'viv cache stats --json'],
  'cache doctor': ['viv cache doctor', 'viv cache doctor --fix'],
  'cache warmup': ["viv cache warmup 'plugins/**/*.wasm'", 'viv cache warmup --strict --list plugins.txt'],
  'cache prune': ['viv cache prune --max-bytes 500MiB', 'viv cache prune --max-age 30d --dry-run'],
  'cache path': ['viv cache path'],
  'cache push': [
    'viv cache push bundle --component plugin.wasm --key ci',
    'viv cache push --remote https://ghcr.io/acme --scope plugins/abc123 --tag latest',
    'viv cache push --remote https://ghcr.io/acme --scope plugins/abc123 --sign ci',
  ],
  'cache pull': [
    'viv cache pull bundle',
    'viv cache pull --remote https://ghcr.io/acme --scope plugins/abc123',
    'viv cache pull --remote https://ghcr.io/acme --scope plugins/abc123 --trust signed',
  ],
  'cache verify': [
    'viv cache verify bundle',
    'viv cache verify --remote https://ghcr.io/acme --scope plugins/abc123 --full',
  ],
  'cache inspect': ['viv cache inspect bundle'],
  'registry publish': [
    "viv registry publish slug.wasm --describe 'turns a title into a part of a URL' --version 1.0.0",
    "viv registry publish slug.wasm --embedder none --check 'sh test.sh'",
  ],
  'registry query': [
    "viv registry query --interface slug.wit --describe 'make a URL of a title'",
    'viv registry query --interface slug.wasm --embedder none --json',
  ],
  'registry fetch': ['viv registry fetch 8389582b-b1bc-4da8-bd41-5090d38bc30b --output slug.wasm'],
  'registry list': ['viv registry list', 'viv registry list --status verified --name slug'],
  'registry stats': ['viv registry stats'],
  'registry sign': ['viv registry sign 8389582b-b1bc-4da8-bd41-5090d38bc30b --key ada'],
  'registry revoke': ['viv registry revoke 8389582b-b1bc-4da8-bd41-5090d38bc30b --key ada'],
  'registry gc': ['viv registry gc', 'viv registry gc --idle 90d --keep 1000'],
};

/** Adds the examples to a command's help. */
export function addExamples(command: Command): void {
  const lines = EXAMPLES[wordsOf(command).join(' ')];
  if (lines !== undefined) command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`);
}

function wordsOf(command: Command): string[] {
  return command.parent === null ? [] : [...wordsOf(command.parent), command.name()];
}
