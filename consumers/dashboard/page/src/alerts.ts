// Alerts of all trainers and of the bus's own programs: those that stand, and those that are over. What a user has
// acknowledged or silenced is that user's, in this browser; an alert goes on whether somebody looks or not.
import type { AlertEvent } from "./protocol";
import { siteKey, type Session } from "./route";

export interface Alert extends Session {
  id: string; // also apart from those of other sites
  rule: string;
  message: string;
  raisedAt: number; // server ms
  endedAt: number; // 0: it stands
}

export type Alerts = Map<string, Alert>; // by id

const kMaxAlerts = 1000;

const at = (base: string): Pick<Session, "base"> => (base === "" ? {} : { base });

// One record of an alert; records may come in any order. `base`: of its site.
export function applyAlert(alerts: Alerts, { alert_id, run, trainer, rule, message, active, timestamp_ms: when }: AlertEvent, base = ""): void {
  const id = base + alert_id;
  const known = alerts.get(id);
  const alert: Alert = known ?? { id, run, trainer, ...at(base), rule, message, raisedAt: when, endedAt: 0 };
  alert.raisedAt = Math.min(alert.raisedAt, when);
  if (!active) alert.endedAt = Math.max(alert.endedAt, when);
  else if (when > alert.endedAt) {
    alert.endedAt = 0;
    alert.message = message;
  }
  alerts.set(id, alert);
  if (alerts.size > kMaxAlerts) alerts.delete(leastOf(alerts));
}

// The oldest that is over, else the oldest.
function leastOf(alerts: Alerts): string {
  for (const { id, endedAt } of alerts.values()) if (endedAt !== 0) return id;
  return alerts.keys().next().value!;
}

// GET /api/alerts of the site at this base.
export function parseAlerts(answer: unknown, base = ""): Alerts {
  const list = (answer as { alerts?: unknown } | null)?.alerts;
  const alerts: Alerts = new Map();
  for (const one of Array.isArray(list) ? (list as Record<string, unknown>[]) : []) {
    const text = (key: string) => (typeof one?.[key] === "string" ? one[key] : "");
    const time = (key: string) => (typeof one?.[key] === "number" ? one[key] : 0);
    const id = text("alert_id");
    if (!id) continue;
    alerts.set(base + id, { id: base + id, run: text("run"), trainer: text("trainer"), ...at(base), rule: text("rule"), message: text("message"), raisedAt: time("raised_ms"), endedAt: time("ended_ms") });
  }
  return alerts;
}

// Those that stand first, then the newest.
export const sortedAlerts = (alerts: Alerts): Alert[] =>
  [...alerts.values()].sort((a, b) => Number(a.endedAt !== 0) - Number(b.endedAt !== 0) || b.raisedAt - a.raisedAt);

// A rule is named as in the watcher's file; people read words.
export const ruleWords = (rule: string): string => rule.replaceAll("_", " ");

export const silenceKey = (alert: Alert): string => `${siteKey(alert)} ${alert.rule}`;

// What one user wants to hear of.
export class AlertDesk {
  private acknowledged = new Set<string>();
  private silenced = new Map<string, number>(); // by silenceKey: until, server ms

  constructor(stored: string, private readonly store: (text: string) => void) {
    try {
      const { acknowledged, silenced } = JSON.parse(stored) as { acknowledged?: unknown; silenced?: unknown };
      if (Array.isArray(acknowledged)) for (const id of acknowledged) if (typeof id === "string") this.acknowledged.add(id);
      if (typeof silenced === "object" && silenced) {
        for (const [key, until] of Object.entries(silenced)) if (typeof until === "number") this.silenced.set(key, until);
      }
    } catch {
      // Nothing was stored, or nothing of use.
    }
  }

  acknowledge(alert: Alert): void {
    this.acknowledged.add(alert.id);
    this.keep();
  }
  silence(alert: Alert, until: number): void {
    this.silenced.set(silenceKey(alert), until);
    this.keep();
  }
  hear(alert: Alert): void {
    this.acknowledged.delete(alert.id);
    this.silenced.delete(silenceKey(alert));
    this.keep();
  }

  isAcknowledged = (alert: Alert): boolean => this.acknowledged.has(alert.id);
  // 0: it is not silenced.
  silencedUntil(alert: Alert, now: number): number {
    const until = this.silenced.get(silenceKey(alert)) ?? 0;
    return until > now ? until : 0;
  }
  // It stands, and nobody here has said yet that they know.
  calls = (alert: Alert, now: number): boolean =>
    alert.endedAt === 0 && !this.isAcknowledged(alert) && this.silencedUntil(alert, now) === 0;

  private keep(): void {
    const newest = [...this.acknowledged].slice(-kMaxAlerts);
    this.store(JSON.stringify({ acknowledged: newest, silenced: Object.fromEntries(this.silenced) }));
  }
}
