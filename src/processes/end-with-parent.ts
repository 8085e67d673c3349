/**
 * Ends this child process when its parent has ended, in whatever way: that closes the channel between them. It is killed, because an
 * exit would wait for its native threads, which may run for ever.
 */
export function endWithParent(): void {
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
}
