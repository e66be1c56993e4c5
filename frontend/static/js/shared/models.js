// The models that GET /models lists.

/** The one of this name; else the one that took the place of a former model of this name; undefined if none did. */
export const findModel = (models, name) =>
  models.find((model) => model.name === name) ?? models.find((model) => model.aliases.includes(name));
