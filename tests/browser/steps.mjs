// Steps of one story, in order: each has a name that is a sentence; after a failure the rest is skipped.
export class Steps {
  passed = 0;
  failed = 0;
  skipped = 0;

  async step(name, body) {
    if (this.failed > 0) {
      this.skipped++;
      console.log(`skip  ${name}`);
      return;
    }
    const started = performance.now();
    try {
      await body();
      this.passed++;
      console.log(`ok    ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    } catch (error) {
      this.failed++;
      console.log(`FAIL  ${name}\n      ${String(error.stack ?? error).replace(/\n/g, "\n      ")}`);
    }
  }

  // The line that scripts/test reads.
  summary() {
    const skipped = this.skipped ? `, ${this.skipped} skipped` : "";
    return `${this.passed} passed, ${this.failed} failed${skipped}`;
  }
}

// Asks again until `question` says something true, or fails with `what`.
export async function eventually(what, question, limitMs = 60_000) {
  const end = Date.now() + limitMs;
  for (;;) {
    const answer = await question();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
