/** Why a component takes the glue: half a sentence that follows "it". */
export class NotDirect extends Error {}
