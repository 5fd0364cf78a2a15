import { createInterface } from "node:readline";
import { Writable } from "node:stream";

export type Terminal = { input: NodeJS.ReadableStream; output: NodeJS.WritableStream };

/** Ask for something that must not be seen: what is typed is not shown. Resolves with what was typed, without spaces around it. */
export async function askHidden(question: string, { input, output }: Terminal): Promise<string> {
  // Readline shows what is typed by writing it here.
  const nowhere = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const lines = createInterface({ input, output: nowhere, terminal: true });
  output.write(question);
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once("line", (line) => {
        resolve(line.trim());
      });
      // Ctrl-C is typed into readline, which then does not end the program by itself.
      lines.once("SIGINT", () => {
        reject(new Error("stopped"));
      });
      lines.once("close", () => {
        resolve("");
      });
    });
  } finally {
    lines.close();
    output.write("\n");
  }
}
