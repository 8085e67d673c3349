// A client in a process of its own, which asks for one path of a server as fast as its connections can, until it is killed.
// Arguments: the port, the path, and how many connections. It tells its parent when all are open, and then how often it was answered.
import { getPriority, setPriority } from 'node:os';
import { Connection } from './connection.ts';

/** How much less of a busy processor it is given than what is measured beside it, which must wait for the server alone. */
const LESS_PRIORITY = 5;

const [port = '', path = '/', count = '1'] = process.argv.slice(2);
setPriority(Math.min(19, getPriority() + LESS_PRIORITY));

const answers: Record<string, number> = {};
process.on('message', () => process.send?.(answers));

async function ask(): Promise<never> {
  for (;;) {
    try {
      const connection = await Connection.open(Number(port), path);
      for (;;) {
        const status = await connection.status();
        answers[status] = (answers[status] ?? 0) + 1;
      }
    } catch {
      // The server closed the connection; another one takes its place, as a client's would.
      answers.closed = (answers.closed ?? 0) + 1;
    }
  }
}

for (let each = 0; each < Number(count); each++) void ask();
process.send?.('asking');
