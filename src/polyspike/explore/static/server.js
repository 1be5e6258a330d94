/* Where the numbers come from when the page is served by `polyspike explore`: the server, which computes them. */
"use strict";
{
const KEPT = "polyspike-token";

/* The token is in the address that the command printed; it is kept, and taken out of the address. */
function token() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (given.has("token")) {
    localStorage.setItem(KEPT, given.get("token"));
    given.delete("token");
    history.replaceState(null, "", given.size ? `#${given}` : location.pathname);
  }
  return localStorage.getItem(KEPT) || "";
}

/* What the library refuses, with the argument that it names. */
Explorer.Refused = class extends Error {
  constructor(answer) {
    super(answer.message);
    this.argument = answer.argument || "";
    this.whole = answer.whole || answer.message;
  }
};

Explorer.Server = class {
  constructor() {
    this.token = token();
    this.fields = Explorer.FIELDS;
    this.steps = Explorer.evenly(0, 0.5, 40);
    this.simulates = true;
  }

  async ask(name, question) {
    const response = await fetch(`api/${name}`, {
      method: "POST", body: JSON.stringify(question),
      headers: { "Content-Type": "application/json", "X-Polyspike-Token": this.token },
    }).catch(() => { throw new Explorer.Refused({ argument: "", message: "The explorer does not answer; start it again with: polyspike explore" }); });
    const answer = await response.json();
    if (!response.ok || answer.refused) throw new Explorer.Refused(answer.refused || answer);
    return answer;
  }

  predictions(problem, changes) { return this.ask("predictions", { problem, changes }).then((answer) => answer.points); }
  /* The same by other processes: for the curve, and with patience for the map. */
  more(problem, changes) { return this.ask("more", { problem, changes }).then((answer) => answer.points); }
  mapped(problem, changes) { return this.ask("map", { problem, changes }).then((answer) => answer.points); }
  limits(problem) { return this.ask("limits", { problem }).then((answer) => answer.windows); }
  spectrum(problem) { return this.ask("spectrum", { problem }); }
  means(problem) { return this.ask("means", { problem }).then((answer) => answer.means || null); }
  spikes(problem, steps) { return this.ask("spikes", { problem, steps }).then((answer) => answer.spikes); }
  best(problem, ridges) { return this.ask("best", { problem, ridges }).then((answer) => answer.best); }
  simulate(problem, steps, replicates) { return this.ask("simulate", { problem, steps, replicates }); }
  progress(number) { return this.ask("progress", { number }); }
  cancel(number) { return this.ask("cancel", { number }); }
};
}
