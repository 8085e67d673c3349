export * from '#core';
