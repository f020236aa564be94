const absent = () => {
  throw new Error("libsignal is a stub here");
};
exports.generateKeyPair = absent;
exports.calculateSignature = absent;
exports.verifySignature = absent;
