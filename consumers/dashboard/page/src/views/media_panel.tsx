// Pictures, text, histograms and tables that the training shows, by name; a slider goes back in time.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { count, timeOfDay } from "../format";
import { fetchMedia, type MediaContent, type NamedMedia } from "../media_api";
import type { Page } from "../page";
import type { Watched } from "../state";
import { HistogramView } from "./histogram";
import { HistogramOverTime } from "./histogram_time";
import { TableView } from "./table_view";

const kShownAtOnce = 12;
const kRow = 4; // pixels, as in the style sheet
const kGap = 12;

export function MediaPanel({ page, watched }: { page: Page; watched: Watched }) {
  const [all, setAll] = useState(false);
  const { media: list } = watched;
  if (!list || list.media.length === 0) return null;
  const shown = all ? list.media : list.media.slice(0, kShownAtOnce);
  return (
    <section class="media" aria-label="Media" data-testid="media">
      <header class="section-head">
        <h2>Media</h2>
        <span class="dim">{count(list.media.length)}</span>
        {list.leftOut > 0 && <span class="warn">{count(list.leftOut)} records of further names are left out</span>}
      </header>
      <div class="media-cards">
        {shown.map((media) => (
          <Card key={media.name} page={page} watched={watched} media={media} />
        ))}
      </div>
      {shown.length < list.media.length && (
        <button class="small more" onClick={() => setAll(true)}>
          {count(list.media.length - shown.length)} more
        </button>
      )}
    </section>
  );
}

function Card({ page, watched, media }: { page: Page; watched: Watched; media: NamedMedia }) {
  const [chosen, setChosen] = useState(""); // id; "": the newest
  const [overTime, setOverTime] = useState(false);
  const { records } = media;
  const found = records.findIndex((record) => record.id === chosen);
  const at = found < 0 ? records.length - 1 : found;
  const record = records[at]!;
  const shown = useContent(page, watched, record.id);
  const card = useRowsOfGrid();
  return (
    <figure ref={card} class={`panel media-card media-${media.type}`} data-testid="media-card" data-name={media.name} data-type={media.type}>
      <header>
        <h2>{media.name}</h2>
        <span class="facts">
          {!overTime && <span data-testid="media-step">step {count(record.step)}</span>}
          {!overTime && <span class="dim">{timeOfDay(record.timestamp_ms)}</span>}
        </span>
        {media.type === "histogram" && records.length > 1 && (
          <button class="small" aria-pressed={overTime} data-testid="over-time" onClick={() => setOverTime(!overTime)}>
            over time
          </button>
        )}
      </header>
      <div class="media-body" aria-busy={shown.busy}>
        {overTime ? (
          <HistogramOverTime page={page} watched={watched} records={records} />
        ) : shown.problem ? (
          <p class="problem">{shown.problem}</p>
        ) : (
          shown.content && <Content content={shown.content} />
        )}
      </div>
      {records.length > 1 && !overTime && (
        <footer>
          <input
            type="range"
            aria-label={`Step of ${media.name}`}
            data-testid="media-slider"
            min={0}
            max={records.length - 1}
            value={at}
            onInput={(event) => {
              const index = Number(event.currentTarget.value);
              setChosen(index === records.length - 1 ? "" : (records[index]?.id ?? ""));
            }}
          />
          <span class="dim">
            {at + 1} of {records.length}
            {media.leftOut > 0 && `, ${count(media.leftOut)} older ones are no longer kept`}
          </span>
        </footer>
      )}
    </figure>
  );
}

// As many rows of the grid as the card is high.
function useRowsOfGrid() {
  const card = useRef<HTMLElement>(null);
  useLayoutEffect(() => {
    const figure = card.current!;
    const fit = () => (figure.style.gridRowEnd = `span ${Math.ceil((figure.offsetHeight + kGap) / kRow)}`);
    fit();
    const observer = new ResizeObserver(fit);
    observer.observe(figure);
    return () => observer.disconnect();
  }, []);
  return card;
}

// What was shown before stays until the new content is here.
function useContent(page: Page, watched: Watched, id: string) {
  const [shown, setShown] = useState<{ id: string; content: MediaContent | null; problem: string }>({ id: "", content: null, problem: "" });
  useEffect(() => {
    if (shown.id === id && shown.content) return; // a dashboard that has just started may not know the record yet
    let wanted = true;
    fetchMedia(watched, id).then(
      (content) => wanted && setShown({ id, content, problem: content ? "" : "this page does not know this type" }),
      (error: unknown) => wanted && setShown({ id, content: null, problem: error instanceof Error ? error.message : String(error) }),
    );
    return () => {
      wanted = false;
    };
  }, [id, page.state.link === "open"]);
  return { ...shown, busy: shown.id !== id };
}

function Content({ content }: { content: MediaContent }) {
  switch (content.type) {
    case "text":
      return <pre tabIndex={0}>{content.text}</pre>;
    case "images":
      return (
        <div class={content.images.length === 1 ? "pictures one" : "pictures"}>
          {content.images.map(({ url, caption }) => (
            <figure key={url}>
              <img src={url} alt={caption || "picture"} decoding="sync" />
              {caption && <figcaption title={caption}>{caption}</figcaption>}
            </figure>
          ))}
        </div>
      );
    case "histogram":
      return <HistogramView edges={content.edges} counts={content.counts} />;
    case "table":
      return <TableView {...content} />;
  }
}
