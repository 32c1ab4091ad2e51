/** Work cut into tasks, so that the page draws and answers a tap between them. */

/** Resolves once the browser has nothing better to do, within two seconds at the latest. */
export function idle(): Promise<void> {
  return new Promise((done) => {
    if ('requestIdleCallback' in window) requestIdleCallback(() => done(), { timeout: 2_000 });
    else setTimeout(done, 1_000);
  });
}

/** Resolves when `frames` more frames are on the screen. */
export async function painted(frames: number): Promise<void> {
  for (let frame = 0; frame < frames; frame += 1) {
    await new Promise<void>((done) => requestAnimationFrame(() => setTimeout(done)));
  }
}

/** Begins each in a task of its own; the answer ends those that began and cancels the others. */
export function inTurn(...begins: (() => () => void)[]): () => void {
  const ends: (() => void)[] = [];
  let timer: ReturnType<typeof setTimeout>;
  const next = () => {
    const begin = begins.shift();
    if (!begin) return;
    ends.push(begin());
    timer = setTimeout(next);
  };
  timer = setTimeout(next);
  return () => {
    clearTimeout(timer);
    ends.forEach((end) => end());
  };
}
