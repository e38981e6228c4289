// Several brokers behind one server: this page is of one of them, and its list shows the trainers of all. The page of
// another is at its base, "at/NAME/".
import { LiveSocket, type SocketLike, type Timers } from "./live_socket";
import { eventOf, parseRecord, parseServerText, type AlertEvent, type CommandEvent, type Trainer } from "./protocol";
import { TrainerRows } from "./trainer_rows";

export interface Site {
  name: string;
  base: string; // "": this page's own
  broker: string;
  link: "connecting" | "open" | "lost";
  brokerConnected: boolean;
}

interface Surroundings {
  open(base: string): SocketLike; // its WebSocket
  applied(command: CommandEvent): void;
  opened(base: string): void; // what was raised before is to be asked for
  alert(event: AlertEvent, base: string): void;
  changed(): void;
  timers?: Timers;
}

class OtherSite {
  readonly site: Site;
  readonly rows: TrainerRows;
  private columns: string[] = [];
  private readonly socket: LiveSocket;

  constructor(name: string, broker: string, around: Surroundings) {
    this.site = { name, broker, base: `at/${name}/`, link: "connecting", brokerConnected: true };
    this.rows = new TrainerRows(this.site);
    this.socket = new LiveSocket(() => around.open(this.site.base), {
      opened: () => {
        this.site.link = "open";
        this.ask(this.columns);
        around.opened(this.site.base);
      },
      text: (raw) => {
        const message = parseServerText(raw);
        if (message?.type === "bus") this.site.brokerConnected = message.broker_connected;
        if (message?.type === "list") this.rows.take(message);
        around.changed();
      },
      bytes: (data) => {
        const record = parseRecord(new Uint8Array(data));
        const event = record && eventOf(record);
        if (event?.kind === "command") around.applied(event);
        if (event?.kind === "alert") around.alert(event, this.site.base);
        if (event) around.changed();
      },
      lost: () => {
        this.site.link = "lost";
        around.changed();
      },
    }, around.timers);
    this.socket.connect();
  }

  ask(columns: string[]): void {
    this.columns = columns;
    this.socket.send({ type: "list", columns });
  }
}

export class Sites {
  own = ""; // the name of this page's; "": there is one
  private others: OtherSite[] = [];
  private merged: { of: ReadonlyMap<string, Trainer>[]; trainers: ReadonlyMap<string, Trainer> } = { of: [], trainers: new Map() };

  constructor(private readonly around: Surroundings) {}

  // What GET api/sites said. Only the first site's page shows the others.
  begin(answer: unknown, path: string): void {
    const list = (answer as { sites?: unknown } | null)?.sites;
    const said = (Array.isArray(list) ? list : []) as { name?: unknown; broker?: unknown }[];
    const sites = said.flatMap(({ name, broker }) => (typeof name === "string" && name !== "" ? [{ name, broker: String(broker ?? "") }] : []));
    if (sites.length < 2) return;
    const here = /\/at\/([^/]+)\/$/.exec(path)?.[1];
    this.own = here ?? sites[0]!.name;
    if (here === undefined) this.others = sites.slice(1).map(({ name, broker }) => new OtherSite(name, broker, this.around));
    this.around.changed();
  }

  askForList(columns: string[]): void {
    for (const other of this.others) other.ask(columns);
  }

  // All sites that this page shows, its own first; none where there is one.
  list(own: Omit<Site, "name" | "base">): Site[] {
    return this.own === "" ? [] : [{ ...own, name: this.own, base: "" }, ...this.others.map(({ site }) => ({ ...site }))];
  }

  // The trainers of all, by key; the same map while nothing changed.
  trainers(own: ReadonlyMap<string, Trainer>): ReadonlyMap<string, Trainer> {
    if (this.others.length === 0) return own;
    const of = [own, ...this.others.map(({ rows }) => rows.trainers)];
    if (of.some((map, i) => map !== this.merged.of[i])) this.merged = { of, trainers: new Map(of.flatMap((map) => [...map])) };
    return this.merged.trainers;
  }
}
