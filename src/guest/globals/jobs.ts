/** A job of the guest's own queue. The engine's queue is never run when exports are called synchronously. */
type Job = () => void;

let jobs: Job[] = [];

export function enqueueJob(job: Job): void {
  jobs.push(job);
}

export function hasJobs(): boolean {
  return jobs.length > 0;
}

/** Runs all jobs, including those that jobs add, until none is left. */
export function runJobs(): void {
  while (jobs.length > 0) {
    const running = jobs;
    jobs = [];
    for (let index = 0; index < running.length; index++) {
      try {
        (running[index] as Job)();
      } catch (error) {
        // The jobs that have not run yet stay ahead of those that were added meanwhile.
        jobs = [...running.slice(index + 1), ...jobs];
        throw error;
      }
    }
  }
}
