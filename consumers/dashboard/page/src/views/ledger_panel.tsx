// The ledger of a trainer in words, asked for while it is open, and what this page costs.
import { useEffect, useState } from "preact/hooks";
import { bytes, count, duration, kNone, rate } from "../format";
import { fetchLedgers, ledgerLines, type Ledger } from "../ledger";
import type { Page } from "../page";
import type { Watched } from "../state";
import { shortIncarnation } from "../trainer_state";

const kEveryMs = 5000; // as often as the dashboard asks the broker

export function LedgerPanel({ page, watched }: { page: Page; watched: Watched }) {
  const [open, setOpen] = useState(false);
  return (
    <details class="panel ledger" data-testid="ledger" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <h2>Ledger</h2> <span class="dim">where every record is, and what this page costs</span>
      </summary>
      {open && <Sums page={page} watched={watched} />}
      {open && <Costs page={page} />}
    </details>
  );
}

function Sums({ page, watched }: { page: Page; watched: Watched }) {
  const { ledgers, problem } = useLedgers(watched);
  const { frame } = page.tiles();
  if (problem) return <p class="problem">{problem}</p>;
  if (ledgers === null) return <p class="placeholder">asking the broker…</p>;
  if (ledgers.length === 0) return <p class="placeholder">the broker keeps no ledger of it: it has not been heard since the broker started</p>;
  return (
    <>
      {ledgers.map((ledger) => (
        <dl key={String(ledger.incarnation)} class="pairs" aria-label={`Ledger of @${shortIncarnation(ledger.incarnation)}`}>
          {ledgerLines(ledger, ledger.newest && frame ? { shown: frame.frames, leftOut: frame.dropped } : null).map(({ what, text, tone }) => (
            <div key={what} data-what={what}>
              <dt>{what}</dt>
              <dd class={tone}>{text}</dd>
            </div>
          ))}
        </dl>
      ))}
    </>
  );
}

function useLedgers(watched: Watched) {
  const [answer, setAnswer] = useState<{ ledgers: Ledger[] | null; problem: string }>({ ledgers: null, problem: "" });
  useEffect(() => {
    let wanted = true;
    const ask = () =>
      fetchLedgers(watched).then(
        (ledgers) => wanted && setAnswer({ ledgers, problem: "" }),
        (error: unknown) => wanted && setAnswer({ ledgers: null, problem: error instanceof Error ? error.message : String(error) }),
      );
    void ask();
    const timer = setInterval(() => void ask(), kEveryMs);
    return () => {
      wanted = false;
      clearInterval(timer);
    };
  }, [watched]);
  return answer;
}

// Of this page, now.
export function Costs({ page }: { page: Page }) {
  const { frame, frameAt } = page.tiles();
  const lately = frame !== null && page.now - frameAt < 2000;
  const costs: [string, string][] = [
    ["frames", lately ? `${rate(frame.fps)} a second, ${duration(Math.max(0, frame.ageMs))} old when drawn` : "none now"],
    ["from the server", `${bytes(page.bytesPerSecond)} a second, ${frame ? `${bytes(frame.bytesPerSecond)} a second of tiles` : "no tiles"}`],
    ["kept here", `${count(page.state.trainers.size)} trainers, ${page.state.watched ? count(pointsOf(page)) : kNone} points of curves`],
  ];
  return (
    <dl class="pairs costs" aria-label="What this page costs" data-testid="costs">
      {costs.map(([what, text]) => (
        <div key={what}>
          <dt>{what}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

const pointsOf = ({ state }: Page): number => [...(state.watched?.series.values() ?? [])].reduce((sum, { length }) => sum + length, 0);
