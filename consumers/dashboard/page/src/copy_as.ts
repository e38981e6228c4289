// The same from a shell or a script: what the buttons of a trainer do.
import { namesakes, shortIncarnation } from "./trainer_state";
import { sessionId } from "./route";
import type { Trainer } from "./protocol";

// Where people log in, a script shows a token.
const kTokenNote = "# TRAINBUS_TOKEN: what is in the file token of the dashboard's --state-dir";
export const shellOf = (login: boolean, lines: readonly string[]): string => [...(login ? [kTokenNote] : []), ...lines].join("\n");
export const curlWith = (login: boolean): string => (login ? 'curl -s -H "Authorization: Bearer $TRAINBUS_TOKEN"' : "curl -s");
export const pythonHead = (login: boolean): string[] => [
  ...(login ? [kTokenNote] : []),
  `import json, ${login ? "os, " : ""}urllib.request`,
  "",
  ...(login ? ['token = {"Authorization": "Bearer " + os.environ["TRAINBUS_TOKEN"]}', ""] : []),
];

export interface Snippet {
  title: string;
  text: string;
}

const quoted = (text: string): string => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

// `origin`: of this page's server, where people log in or not. `all`: who is in the list, for a name that several have.
export function snippetsOf(trainer: Trainer, all: Iterable<Trainer>, broker: string, origin: string, login: boolean): Snippet[] {
  const alone = namesakes(trainer, all).length < 2;
  const target = sessionId(trainer) + (alone ? "" : `@${shortIncarnation(trainer.incarnation)}`);
  const ctl = (words: string) => `trainbus-ctl --broker ${quoted(broker)} ${words}`;
  const body = (type: string, value = "") => JSON.stringify({ type, ...(value && { value }), ...(!alone && { incarnation: String(trainer.incarnation) }) });
  const curl = (type: string, value = "") =>
    `${curlWith(login)} -H 'Content-Type: application/json' -d '${body(type, value)}' ${quoted(`${origin}/api/trainers/${sessionId(trainer)}/commands`)}`;
  const rate = String(trainer.learning_rate ?? 0.001);
  return [
    { title: "ctl", text: [ctl(`show ${target}`), ctl(`pause ${target}`), ctl(`resume ${target}`), ctl(`set-lr ${target} ${rate}`), ctl(`tail --run ${trainer.run} --history`)].join("\n") },
    { title: "curl", text: shellOf(login, [`${curlWith(login)} ${quoted(`${origin}/api/trainers/${sessionId(trainer)}`)}`, curl("PAUSE_TRAINING"), curl("RESUME_TRAINING"), curl("CHANGE_LEARNING_RATE", rate)]) },
    {
      title: "Python",
      text: [
        ...pythonHead(login),
        "def ask(body):  # what the broker says of the command: its id and its first state",
        `    request = urllib.request.Request(${JSON.stringify(`${origin}/api/trainers/${sessionId(trainer)}/commands`)},`,
        '        data=json.dumps(body).encode(), headers={"Content-Type": "application/json"' + (login ? ", **token" : "") + "})",
        "    return json.load(urllib.request.urlopen(request))",
        "",
        ...["PAUSE_TRAINING", "RESUME_TRAINING"].map((type) => `ask(${body(type)})`),
        `ask(${body("CHANGE_LEARNING_RATE", rate)})`,
      ].join("\n"),
    },
  ];
}
