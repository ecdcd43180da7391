// The AMD modules of the demo pages, each between markers; the server hands out one at a time.
//@ core/first
define('core/first', [], function() { return {}; });
//@ core/ajax
define('core/ajax', [], function() {
    function result(answer) {
        if (answer.error) { throw answer.exception; }
        return answer.data;
    }
    return {
        call: function(methodname, args) {
            M.util.js_pending('core/ajax:' + methodname);
            return fetch(M.cfg.wwwroot + '/lib/ajax/service.php?sesskey=' + M.cfg.sesskey + '&info=' + methodname, {
                method: 'POST', credentials: 'same-origin',
                headers: {'Content-Type': 'application/json'},
                body: JSON.stringify([{index: 0, methodname: methodname, args: args}])
            }).then(function(r) { return r.json(); }).then(function(all) { return result(all[0]); })
                .finally(function() { M.util.js_complete('core/ajax:' + methodname); });
        },
        callNoLogin: function(methodname, args) {
            M.util.js_pending('core/ajax:' + methodname);
            var query = encodeURIComponent(JSON.stringify([{index: 0, methodname: methodname, args: args}]));
            return fetch(M.cfg.wwwroot + '/lib/ajax/service-nologin.php?info=' + methodname + '&cachekey=' + M.cfg.jsrev +
                '&args=' + query).then(function(r) { return r.json(); }).then(function(all) { return result(all[0]); })
                .finally(function() { M.util.js_complete('core/ajax:' + methodname); });
        }
    };
});
//@ filter_mathjaxloader/loader
define('filter_mathjaxloader/loader', [], function() {
    return {
        configure: function(config) {
            if (!window.MathJax || !window.MathJax.Hub) { return; }
            window.MathJax.Hub.Config(config);
            window.MathJax.Hub.Configured();
        },
        typeset: function() {
            if (!window.MathJax || !window.MathJax.Hub) { return; }
            // All at once: MathJax 2 rests for 100 ms after every call.
            var nodes = Array.from(document.querySelectorAll('.filter_mathjaxloader_equation'));
            window.MathJax.Hub.Queue(['Typeset', window.MathJax.Hub, nodes]);
        }
    };
});
//@ core_message/message_drawer
define('core_message/message_drawer', ['core/ajax'], function(ajax) {
    return {
        init: function(loginTrap) {
            ajax.callNoLogin('core_get_string', {stringid: 'messages', component: 'message', lang: 'en'}).catch(function() {});
            if (!loginTrap) { return; }
            ajax.call('core_message_get_unread_conversation_counts', {userid: 3}).catch(function(exception) {
                if (!exception || exception.errorcode !== 'servicerequireslogin') { return; }
                var leave = function() { window.location = M.cfg.wwwroot + '/login/index.php'; };
                if (document.readyState === 'complete') { leave(); } else { window.addEventListener('load', leave); }
            });
        }
    };
});
//@ qtype_ddimageortext/question
define('qtype_ddimageortext/question', [], function() {
    function place(area) {
        area.querySelectorAll('[data-x]').forEach(function(item) {
            item.style.left = item.dataset.x + 'px';
            item.style.top = item.dataset.y + 'px';
            item.hidden = false;
        });
    }
    return {
        init: function() {
            document.querySelectorAll('[data-region=ddarea]').forEach(function(area) {
                var image = area.querySelector('img.dropbackground');
                M.util.js_pending('qtype_ddimageortext/image');
                var done = function() { place(area); M.util.js_complete('qtype_ddimageortext/image'); };
                if (image.complete) { done(); } else { image.onload = image.onerror = done; }
            });
        }
    };
});
//@ theme_boost/loader
define('theme_boost/loader', ['core/ajax'], function(ajax) {
    return {
        init: function() {
            ['core_output_load_template_with_dependencies', 'core_output_load_fontawesome_icon_system_map'].forEach(function(name) {
                ajax.callNoLogin(name, {component: 'core', template: 'loading', themename: 'boost', lang: 'en'}).catch(function() {});
            });
        }
    };
});
