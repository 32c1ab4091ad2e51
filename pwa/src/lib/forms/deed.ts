/** Something that is done once it was confirmed: what is asked, and what the button says. */
export interface Deed {
  title: string;
  about: string;
  verb: string;
  act: () => Promise<unknown>;
  /** Whether its button warns. */
  grave?: boolean;
}
