extension RedisLink {
    /// Agrees on the protocol, signs in, and makes sure that this is the server that was meant.
    func greet() {
        let settings = context.settings
        let password = if case .asking(_, let word) = purpose { word } else { settings.password }
        let username = if case .asking = purpose { nil as String? } else { settings.username }
        var hello = CommandWriter(words: password == nil ? 2 : 5)
        hello.add("HELLO")
        hello.add("3")
        if let password {
            hello.add("AUTH")
            hello.add(username ?? "default")
            hello.add(password)
        }
        ask(hello.bytes) { link, reply in
            guard case .failure(let text) = reply else { return link.introduce() }
            let error = ServerError(text)
            // Servers before 6, and some that stand in between, do not know HELLO.
            guard error.code == "NOPROTO" || text.hasPrefix("ERR unknown command") else {
                return link.fail("HELLO was refused: \(error.code)")
            }
            link.signInOldWay(username, password)
        }
    }

    private func signInOldWay(_ username: String?, _ password: String?) {
        guard let password else { return introduce() }
        let command =
            if let username {
                CommandWriter.command("AUTH", username, password)
            } else {
                CommandWriter.command("AUTH", password)
            }
        ask(command) { link, reply in
            if case .failure(let text) = reply { return link.fail("AUTH was refused: \(ServerError(text).code)") }
            link.introduce()
        }
    }

    private func introduce() {
        if case .asking(let name, _) = purpose {
            return ask(CommandWriter.command("SENTINEL", "get-master-addr-by-name", name)) { link, reply in
                guard let items = reply.items, items.count == 2, let host = items[0].text,
                    let port = items[1].number.flatMap({ UInt16(exactly: $0) })
                else { return link.fail("the sentinel knows no such master") }
                link.master = RedisEndpoint(host: host, port: port)
                link.welcome()
            }
        }
        // The name is for whoever looks at the server; a server without the command is as good.
        ask(CommandWriter.command("CLIENT", "SETNAME", "gatehouse")) { _, _ in }
        if context.settings.database != 0, context.settings.mode != .cluster {
            ask(CommandWriter.command("SELECT", String(context.settings.database))) { link, reply in
                if case .failure(let text) = reply { link.fail("SELECT was refused: \(ServerError(text).code)") }
            }
        }
        switch purpose {
        case .commands(ofMaster: true), .subscribing(ofMaster: true):
            ask(CommandWriter.command("ROLE")) { link, reply in
                guard reply.items?.first?.text == "master" else { return link.fail("it is not the master") }
                link.welcome()
            }
        default:
            ask(CommandWriter.command("PING")) { link, reply in
                // A server that is loading its data lets nobody in yet.
                if case .failure(let text) = reply { return link.fail("PING was refused: \(ServerError(text).code)") }
                link.welcome()
            }
        }
    }

    private func ask(_ command: [UInt8], _ answer: @escaping (RedisLink, Reply) -> Void) {
        send(
            RedisCall(command) { [weak self] result in
                guard let self, case .success(let reply) = result else { return }
                answer(self, reply)
            })
    }
}
