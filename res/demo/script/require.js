// A small loader of named AMD modules: define(name, deps, factory) and require(deps, callback).
(function() {
    var modules = {}, waiting = {};
    function load(name, done) {
        if (name in modules) { done(modules[name]); return; }
        if (waiting[name]) { waiting[name].push(done); return; }
        waiting[name] = [done];
        var script = document.createElement('script');
        script.async = true;
        script.src = M.cfg.wwwroot + '/lib/requirejs.php/' + M.cfg.jsrev + '/' + name + '.js';
        document.head.appendChild(script);
    }
    window.require = function(deps, callback) {
        var got = [], missing = deps.length;
        if (!missing) { callback(); return; }
        deps.forEach(function(name, i) {
            load(name, function(module) {
                got[i] = module;
                missing -= 1;
                if (!missing && callback) { callback.apply(null, got); }
            });
        });
    };
    window.define = function(name, deps, factory) {
        window.require(deps, function() {
            modules[name] = factory.apply(null, arguments) || {};
            (waiting[name] || []).forEach(function(done) { done(modules[name]); });
            delete waiting[name];
        });
    };
    window.define.amd = {};
})();
