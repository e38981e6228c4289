// A view that is loaded when it is opened: who looks at the list alone need not wait for the charts.
import { type ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

export interface Opened<Props> {
  View: ComponentType<Props>;
  load(): void; // ahead of time
}

export function whenOpened<Props extends object>(load: () => Promise<ComponentType<Props>>): Opened<Props> {
  let loaded: ComponentType<Props> | null = null;
  let loading: Promise<void> | null = null;
  const begin = (): Promise<void> =>
    (loading ??= load().then(
      (view) => void (loaded = view),
      (error: unknown) => {
        loading = null;
        throw error;
      },
    ));
  function View(props: Props) {
    const [failed, setFailed] = useState(false);
    const [, arrived] = useState(0);
    useEffect(() => {
      if (!loaded && !failed) begin().then(() => arrived(1), () => setFailed(true));
    }, [failed]);
    if (loaded) return <AsLoaded view={loaded} props={props} />;
    if (!failed) return <div class="panel loading" role="status">Loading…</div>;
    return (
      <div class="empty panel" role="alert">
        <h1>This part of the page did not load</h1>
        <p>The dashboard may be away, or may be a newer one than this page.</p>
        <button onClick={() => setFailed(false)}>Try again</button> <button onClick={() => location.reload()}>Load the page anew</button>
      </div>
    );
  }
  return { View, load: () => void begin().catch(() => {}) };
}

function AsLoaded<Props extends object>({ view: Loaded, props }: { view: ComponentType<Props>; props: Props }) {
  return <Loaded {...props} />;
}
