H5P.Tiny = function (params) {
  H5P.EventDispatcher.call(this);
  this.attach = (container) => {
    container.html(`<h2>${params.text}</h2><ul><li>one ✔<li>two</ul><svg width=90 height=30><text y=20>svg</text></svg>`);
    H5P.trigger(this, "resize");
  };
};
