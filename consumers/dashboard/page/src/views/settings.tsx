// What the run was started with: tags, notes, parameters; what the SDK found out by itself (env/…) comes last.
import type { Plan } from "../protocol";

const kEnvironment = "env/";

export function Settings({ plan }: { plan: Plan | null }) {
  if (!plan || (plan.parameters.length === 0 && plan.tags.length === 0 && plan.notes === "")) return null;
  const own = plan.parameters.filter(([name]) => !name.startsWith(kEnvironment));
  const environment = plan.parameters.filter(([name]) => name.startsWith(kEnvironment));
  return (
    <section class="panel settings" aria-label="Settings" data-testid="settings">
      <header>
        <h2>Settings</h2>
        <span class="tags">
          {plan.tags.map((tag) => (
            <span key={tag} class="tag">
              {tag}
            </span>
          ))}
        </span>
      </header>
      {plan.notes && <p class="notes">{plan.notes}</p>}
      <Parameters parameters={own} />
      {environment.length > 0 && (
        <details>
          <summary>Environment</summary>
          <Parameters parameters={environment.map(([name, value]) => [name.slice(kEnvironment.length), value])} />
        </details>
      )}
    </section>
  );
}

function Parameters({ parameters }: { parameters: [string, string][] }) {
  if (parameters.length === 0) return null;
  return (
    <dl class="pairs">
      {parameters.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd title={value}>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
