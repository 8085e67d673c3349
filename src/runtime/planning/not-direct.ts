/** Says why a component cannot take the direct path. The message is half a sentence that follows "it". */
export class NotDirect extends Error {}
