/** The queue of jobs. The engine's own is never run where exports are called synchronously. */
type Job = () => void;

let jobs: Job[] = [];

export function enqueueJob(job: Job): void {
  jobs.push(job);
}

export function hasJobs(): boolean {
  return jobs.length > 0;
}

/** Runs jobs, and those that they add, until none is left. */
export function runJobs(): void {
  while (jobs.length > 0) {
    const running = jobs;
    jobs = [];
    for (let index = 0; index < running.length; index++) {
      try {
        (running[index] as Job)();
      } catch (error) {
        // What has not run yet stays in front of what was added meanwhile.
        jobs = [...running.slice(index + 1), ...jobs];
        throw error;
      }
    }
  }
}
