// What a build reports while it runs: progress facts without times. Who listens knows when it began to.

export type BuildEvent =
  | { readonly type: "stage.started"; readonly stage: string }
  | { readonly type: "stage.progress"; readonly stage: string; readonly done: number; readonly total: number | null; readonly unit: string }
  | { readonly type: "stage.finished"; readonly stage: string; readonly facts: Readonly<Record<string, string | number>> };

export type BuildSink = (event: BuildEvent) => void;
