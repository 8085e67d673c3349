/** What a project builds: an actor, a component that answers HTTP requests, one that exports functions of its own, or a command. */
export type Template = 'actor' | 'handler' | 'library' | 'command';

/** A project's files, and the commands to type next. */
export interface LanguageFiles {
  readonly files: Readonly<Record<string, string>>;
  /** What is copied into its `wit` folder: the contract of actors, or WASI's interfaces that answer HTTP requests. */
  readonly contract?: 'actor' | 'http';
  /** Each command, with what it needs or does as a remark. */
  readonly commands: readonly string[];
}

/** Makes the files of a project for a component called `name`. */
export type MakeFiles = (name: string) => LanguageFiles;
