/// The whole surface of the product: every path, who may call it, how often, and what it does.
enum Routes {
    static let all: [Endpoint] = {
        var table = EndpointTable()
        table.group("/auth", tag: "Sign-in") {
            $0.post("/register", guard: .anyone, limit: .register, SignInHandler.register)
            $0.post("/login", guard: .anyone, limit: .signIn, SignInHandler.login)
            $0.post(
                "/first-login/change-password", guard: .anyone, limit: .signIn, SignInHandler.changeFirstPassword)
            $0.post("/refresh", guard: .refreshToken, limit: .refresh, SessionHandler.refresh)
            $0.post("/refresh-token", guard: .refreshToken, limit: .refresh, SessionHandler.refreshByCookie)
            $0.post("/logout", guard: .anyone, limit: .check, SessionHandler.logout)
            $0.get("/validate", guard: .signedIn, limit: .check, SessionHandler.validate)
        }
        table.group("/auth", tag: "Sessions") {
            $0.get("/sessions", guard: .signedIn, limit: .standard, SessionHandler.list)
            $0.get("/sessions/all", guard: .signedIn, limit: .standard, SessionHandler.listAll)
            $0.post("/sessions/{id:uuid}/revoke", guard: .signedIn, limit: .standard, SessionHandler.revoke)
            $0.post("/sessions/revoke-others", guard: .signedIn, limit: .standard, SessionHandler.revokeOthers)
            $0.patch("/session", guard: .signedIn, limit: .standard, SessionHandler.move)
            $0.get("/sign-in-history", guard: .signedIn, limit: .standard, AuditHandler.history)
            $0.post("/revoke-all", guard: .signedIn, limit: .standard, SessionHandler.revokeAll)
        }
        table.group("/auth/2fa", tag: "Second factor") {
            $0.get("", guard: .signedIn, limit: .standard, EnrolmentHandler.status)
            $0.post("/setup", guard: .signedIn, limit: .standard, EnrolmentHandler.setup)
            $0.post("/enable", guard: .signedIn, limit: .standard, EnrolmentHandler.enable)
            $0.post("/disable", guard: .signedIn, limit: .standard, EnrolmentHandler.disable)
            $0.post("/verify", guard: .signedIn, limit: .standard, EnrolmentHandler.verify)
            $0.post("/login", guard: .anyone, limit: .signIn, SecondFactorHandler.login)
            $0.post("/code", guard: .anyone, limit: .signIn, SecondFactorHandler.send)
            $0.post("/recovery-codes", guard: .signedIn, limit: .standard, EnrolmentHandler.recoveryCodes)
            $0.post("/enrolment/setup", guard: .anyone, limit: .signIn, EnrolmentHandler.setupAtSignIn)
            $0.post("/enrolment", guard: .anyone, limit: .signIn, EnrolmentHandler.enableAtSignIn)
            $0.get("/devices", guard: .signedIn, limit: .standard, SecondFactorHandler.devices)
            $0.delete("/devices", guard: .signedIn, limit: .standard, SecondFactorHandler.forgetAll)
            $0.delete("/devices/{id:uuid}", guard: .signedIn, limit: .standard, SecondFactorHandler.forget)
        }
        table.group("/auth/step-up", tag: "Second factor") {
            $0.post("", guard: .signedIn, limit: .standard, EnrolmentHandler.stepUp)
            $0.post("/code", guard: .signedIn, limit: .standard, EnrolmentHandler.sendStepUp)
        }
        table.group("/auth", tag: "Recovery and mail") {
            $0.post("/password-reset/request", guard: .anyone, limit: .signIn, RecoveryHandler.request)
            $0.post("/password-reset/validate", guard: .anyone, limit: .signIn, RecoveryHandler.validate)
            $0.post("/password-reset/confirm", guard: .anyone, limit: .signIn, RecoveryHandler.confirm)
            $0.post("/not-me", guard: .anyone, limit: .signIn, DisownHandler.disown)
            $0.post("/email-verification/request", guard: .signedIn, limit: .signIn, EmailHandler.requestVerification)
            $0.post("/email-verification/confirm", guard: .anyone, limit: .signIn, EmailHandler.verify)
            $0.post("/email-change/request", guard: .signedIn, limit: .signIn, EmailHandler.requestChange)
            $0.post("/email-change/confirm", guard: .anyone, limit: .signIn, EmailHandler.change)
            $0.post("/email-change/undo", guard: .anyone, limit: .signIn, EmailHandler.undo)
            $0.post("/magic-link/request", guard: .anyone, limit: .signIn, MagicLinkHandler.request)
            $0.post("/magic-link/session", guard: .anyone, limit: .signIn, MagicLinkHandler.finish)
        }
        table.group("/auth/telegram", tag: "Telegram") {
            $0.post("", guard: .anyone, limit: .signIn, TelegramHandler.signIn)
            $0.get("", guard: .signedIn, limit: .standard, TelegramHandler.read)
            $0.delete("", guard: .signedIn, limit: .standard, TelegramHandler.unlink)
            $0.post("/link", guard: .signedIn, limit: .signIn, TelegramHandler.link)
            $0.get("/callback", guard: .anyone, limit: .signIn, DoorHandler.widgetCallback)
            $0.get("/start", guard: .anyone, limit: .signIn, DoorHandler.start)
            $0.post("/link/start", guard: .signedIn, limit: .signIn, DoorHandler.startLink)
            $0.get("/oidc/callback", guard: .anyone, limit: .signIn, DoorHandler.callback)
            $0.post("/nonce", guard: .anyone, limit: .signIn, DoorHandler.nonce)
            $0.post("/bot-sign-ins", guard: .anyone, limit: .signIn, BotSignInHandler.begin)
            $0.post("/bot-sign-ins/session", guard: .anyone, limit: .check, BotSignInHandler.finish)
            $0.post("/code", guard: .anyone, limit: .signIn, TelegramHandler.signInWithCode)
        }
        table.group("/telegram", tag: "Telegram") {
            // Telegram's own secret is what it is guarded by; the service compares it.
            $0.post("/webhook/{bot:text}", guard: .anyone, limit: nil, BotHandler.hear)
        }
        table.group("/api/v2/auth", tag: "Mini Apps") {
            $0.post("/telegram", guard: .anyone, limit: .signIn, MiniAppHandler.signIn)
            $0.post("/register/telegram", guard: .anyone, limit: .signIn, MiniAppHandler.register)
            $0.post("/2fa/login", guard: .anyone, limit: .signIn, MiniAppFactorHandler.finish)
            $0.post("/2fa/code", guard: .anyone, limit: .signIn, MiniAppFactorHandler.send)
            $0.post("/2fa/enrolment/setup", guard: .anyone, limit: .signIn, MiniAppFactorHandler.setup)
            $0.post("/2fa/enrolment", guard: .anyone, limit: .signIn, MiniAppFactorHandler.enrol)
            $0.post(
                "/passkeys/second-factor-options", guard: .anyone, limit: .passkeyOptions, MiniAppFactorHandler.askPasskey)
            $0.post("/passkeys/second-factor", guard: .anyone, limit: .signIn, MiniAppFactorHandler.finishWithPasskey)
            $0.get("/check", guard: .signedIn, limit: .check, MiniAppHandler.check)
            $0.post("/validate", guard: .tokenInBody, limit: .check, MiniAppHandler.validate)
            $0.post("/refresh", guard: .renewal, limit: .refresh, MiniAppHandler.refresh)
            $0.post("/logout", guard: .anyone, limit: .check, MiniAppHandler.logout)
            $0.get("/session", guard: .signedIn, limit: .check, MiniAppHandler.session)
        }
        table.group("/telegram/bots", tag: "Telegram") {
            // Only for whoever has it everywhere; the service asks.
            $0.get("", guard: .may("telegram:manage"), limit: .standard, BotHandler.list)
            $0.post("", guard: .may("telegram:manage"), limit: .standard, BotHandler.create)
            $0.get("/{id:text}", guard: .may("telegram:manage"), limit: .standard, BotHandler.read)
            $0.patch("/{id:text}", guard: .may("telegram:manage"), limit: .standard, BotHandler.update)
            $0.delete("/{id:text}", guard: .may("telegram:manage"), limit: .standard, BotHandler.delete)
        }
        table.group("/access-requests", tag: "Access requests") {
            $0.post("", guard: .anyone, limit: .register, AccessRequestHandler.create)
            $0.get("", guard: .may("access_requests:read"), limit: .standard, AccessRequestHandler.list)
            $0.get("/{id:uuid}", guard: .may("access_requests:read"), limit: .standard, AccessRequestHandler.read)
            $0.patch(
                "/{id:uuid}/approve", guard: .may("access_requests:manage"), limit: .standard, AccessRequestHandler.approve)
            $0.patch(
                "/{id:uuid}/reject", guard: .may("access_requests:manage"), limit: .standard, AccessRequestHandler.reject)
            $0.delete("/{id:uuid}", guard: .may("*"), limit: .standard, AccessRequestHandler.delete)
        }
        table.group("", tag: "Access requests") {
            $0.patch("/users/{id:uuid}/access", guard: .may("access_requests:manage"), limit: .standard, AccessHandler.setEnd)
            $0.get("/access-reviews", guard: .may("access_requests:read"), limit: .standard, AccessHandler.reviews)
            $0.post(
                "/access-reviews/{id:uuid}/confirm", guard: .may("access_requests:manage"), limit: .standard,
                AccessHandler.confirm)
            $0.post(
                "/access-reviews/{id:uuid}/withdraw", guard: .may("access_requests:manage"), limit: .standard,
                AccessHandler.withdraw)
        }
        table.group("/auth/passkeys", tag: "Passkeys") {
            $0.post("/registration-options", guard: .signedIn, limit: .standard, PasskeyHandler.beginRegistration)
            $0.post("", guard: .signedIn, limit: .standard, PasskeyHandler.register)
            $0.get("", guard: .signedIn, limit: .standard, PasskeyHandler.list)
            $0.patch("/{id:uuid}", guard: .signedIn, limit: .standard, PasskeyHandler.rename)
            $0.delete("/{id:uuid}", guard: .signedIn, limit: .standard, PasskeyHandler.delete)
            $0.post("/sign-in-options", guard: .anyone, limit: .passkeyOptions, PasskeySignInHandler.begin)
            $0.post("/sign-in", guard: .anyone, limit: .signIn, PasskeySignInHandler.signIn)
            $0.post(
                "/second-factor-options", guard: .anyone, limit: .passkeyOptions, PasskeySignInHandler.beginSecondFactor)
            $0.post("/second-factor", guard: .anyone, limit: .signIn, PasskeySignInHandler.finishSecondFactor)
            $0.post("/step-up-options", guard: .signedIn, limit: .passkeyOptions, PasskeySignInHandler.beginStepUp)
            $0.post("/step-up", guard: .signedIn, limit: .signIn, PasskeySignInHandler.finishStepUp)
        }
        table.group("/auth", tag: "Account") {
            $0.get("/profile", guard: .signedIn, limit: .standard, ProfileHandler.read)
            $0.patch("/profile", guard: .signedIn, limit: .standard, ProfileHandler.update)
            $0.post("/change-password", guard: .signedIn, limit: .signIn, ProfileHandler.changePassword)
        }
        table.group("/users", tag: "People") {
            $0.get("", guard: .may("users:read"), limit: .standard, UserHandler.list)
            $0.post("", guard: .may("users:create"), limit: .standard, UserHandler.create)
            $0.post("/import", guard: .may("users:import"), limit: .standard, ImportHandler.importUsers)
            $0.get("/export", guard: .may("users:export"), limit: .standard, ExportHandler.exportUsers)
            $0.get("/{id:uuid}", guard: .may("users:read"), limit: .standard, UserHandler.read)
            // One's own account needs no permission; the service asks for one for anybody else's.
            $0.patch("/{id:uuid}", guard: .signedIn, limit: .standard, UserHandler.update)
            $0.delete("/{id:uuid}", guard: .may("users:delete"), limit: .standard, UserHandler.delete)
            $0.post("/{id:uuid}/block", guard: .may("users:update"), limit: .standard, UserHandler.block)
            $0.post("/{id:uuid}/unblock", guard: .may("users:update"), limit: .standard, UserHandler.unblock)
            $0.post("/{id:uuid}/restore", guard: .may("users:delete"), limit: .standard, UserHandler.restore)
            $0.post("/{id:uuid}/erase", guard: .may("users:erase"), limit: .standard, UserHandler.erase)
            $0.get("/{id:uuid}/export", guard: .signedIn, limit: .standard, UserHandler.export)
            $0.patch("/{id:uuid}/ip-whitelist", guard: .may("users:update"), limit: .standard, AddressListHandler.ofUser)
            $0.post(
                "/{id:uuid}/require-password-change", guard: .may("users:update"), limit: .standard,
                UserHandler.requirePasswordChange)
            $0.post("/{id:uuid}/password", guard: .may("users:update"), limit: .standard, UserHandler.givePassword)
            $0.delete(
                "/{id:uuid}/second-factors", guard: .may("users:update"), limit: .standard, UserHandler.resetSecondFactors)
        }
        table.group("/invitations", tag: "Invitations") {
            $0.get("", guard: .may("users:create"), limit: .standard, InvitationHandler.list)
            $0.post("", guard: .may("users:create"), limit: .standard, InvitationHandler.create)
            $0.delete("/{id:uuid}", guard: .may("users:create"), limit: .standard, InvitationHandler.withdraw)
            $0.post("/inspect", guard: .anyone, limit: .signIn, InvitationHandler.inspect)
            $0.post("/accept", guard: .anyone, limit: .register, InvitationHandler.accept)
        }
        table.group("", tag: "Roles") {
            $0.get("/roles", guard: .may("roles:read"), limit: .standard, RoleHandler.list)
            $0.post("/roles", guard: .may("roles:manage"), limit: .standard, RoleHandler.create)
            $0.get("/roles/{id:uuid}", guard: .may("roles:read"), limit: .standard, RoleHandler.read)
            $0.patch("/roles/{id:uuid}", guard: .may("roles:manage"), limit: .standard, RoleHandler.update)
            $0.delete("/roles/{id:uuid}", guard: .may("roles:manage"), limit: .standard, RoleHandler.delete)
            $0.patch(
                "/roles/{id:uuid}/ip-whitelist", guard: .may("roles:manage"), limit: .standard, AddressListHandler.ofRole)
            $0.get("/permissions", guard: .may("roles:read"), limit: .standard, RoleHandler.permissions)
            $0.get("/users/{id:uuid}/roles", guard: .may("users:read"), limit: .standard, GrantHandler.list)
            $0.post("/users/{id:uuid}/roles", guard: .may("roles:grant"), limit: .standard, GrantHandler.grant)
            $0.delete("/users/{id:uuid}/roles/{grant:uuid}", guard: .may("roles:grant"), limit: .standard, GrantHandler.withdraw)
            $0.get("/auth/permissions", guard: .signedIn, limit: .check, GrantHandler.effective)
            $0.post("/authorize", guard: .signedInOrService, limit: .check, GrantHandler.authorize)
            $0.post("/authorize/batch", guard: .signedInOrService, limit: .check, GrantHandler.authorizeBatch)
        }
        table.group("/service-accounts", tag: "Service accounts") {
            $0.get("", guard: .may("service_accounts:read"), limit: .standard, ServiceAccountHandler.list)
            $0.post("", guard: .may("service_accounts:manage"), limit: .standard, ServiceAccountHandler.create)
            $0.get("/{id:uuid}", guard: .may("service_accounts:read"), limit: .standard, ServiceAccountHandler.read)
            $0.patch("/{id:uuid}", guard: .may("service_accounts:manage"), limit: .standard, ServiceAccountHandler.update)
            $0.delete("/{id:uuid}", guard: .may("service_accounts:manage"), limit: .standard, ServiceAccountHandler.delete)
            $0.post(
                "/{id:uuid}/keys", guard: .may("service_accounts:manage"), limit: .standard, ServiceAccountHandler.createKey)
            $0.delete(
                "/{id:uuid}/keys/{key:uuid}", guard: .may("service_accounts:manage"), limit: .standard,
                ServiceAccountHandler.revokeKey)
        }
        table.group("/users/{id:uuid}/app-data", tag: "Service accounts") {
            $0.get("/{name:text}", guard: .service, limit: .check, AppDataHandler.read)
            $0.put("/{name:text}", guard: .service, limit: .check, AppDataHandler.write)
            $0.delete("/{name:text}", guard: .service, limit: .check, AppDataHandler.remove)
        }
        table.group("/companies", tag: "Companies") {
            $0.get("", guard: .may("companies:read"), limit: .standard, CompanyHandler.list)
            $0.post("", guard: .may("companies:create"), limit: .standard, CompanyHandler.create)
            $0.get("/{id:uuid}", guard: .may("companies:read"), limit: .standard, CompanyHandler.read)
            // What each field needs, the service asks for.
            $0.patch("/{id:uuid}", guard: .signedIn, limit: .standard, CompanyHandler.update)
            $0.delete("/{id:uuid}", guard: .may("companies:delete"), limit: .standard, CompanyHandler.delete)
            $0.post("/{id:uuid}/members", guard: .may("companies:update"), limit: .standard, CompanyHandler.addMember)
            $0.delete(
                "/{id:uuid}/members/{user:uuid}", guard: .may("companies:update"), limit: .standard,
                CompanyHandler.removeMember)
        }
        table.group("/audit-logs", tag: "Audit log") {
            $0.get("", guard: .may("audit:read"), limit: .standard, AuditHandler.list)
            // Only for whoever may read the log everywhere; the service asks.
            $0.get("/head", guard: .may("audit:read"), limit: .standard, AuditHandler.head)
            $0.get("/export", guard: .may("audit:export"), limit: .standard, AuditExport.operation)
            $0.get("/{id:uuid}", guard: .may("audit:read"), limit: .standard, AuditHandler.read)
        }
        table.group("/webhooks", tag: "Webhooks") {
            $0.get("", guard: .may("webhooks:read"), limit: .standard, WebhookHandler.list)
            $0.post("", guard: .may("webhooks:manage"), limit: .standard, WebhookHandler.create)
            $0.get("/{id:uuid}", guard: .may("webhooks:read"), limit: .standard, WebhookHandler.read)
            $0.patch("/{id:uuid}", guard: .may("webhooks:manage"), limit: .standard, WebhookHandler.update)
            $0.delete("/{id:uuid}", guard: .may("webhooks:manage"), limit: .standard, WebhookHandler.delete)
            $0.post("/{id:uuid}/test", guard: .may("webhooks:manage"), limit: .standard, WebhookHandler.test)
            $0.post(
                "/{id:uuid}/rotate-secret", guard: .may("webhooks:manage"), limit: .standard, WebhookHandler.rotateSecret)
            $0.get("/{id:uuid}/deliveries", guard: .may("webhooks:read"), limit: .standard, WebhookHandler.deliveries)
            $0.post(
                "/{id:uuid}/deliveries/{delivery:uuid}/replay", guard: .may("webhooks:manage"), limit: .standard,
                WebhookHandler.replay)
        }
        table.group("/setup", tag: "First start") {
            $0.get("", guard: .anyone, limit: .standard, SetupHandler.page)
            $0.post("", guard: .anyone, limit: .register, SetupHandler.submit)
        }
        table.group("", tag: "Recovery and mail") { group in
            for page in LinkPage.allCases {
                group.get(page.rawValue, guard: .anyone, limit: .standard, page.operation)
            }
        }
        table.group("", tag: "Operations") {
            $0.get("/.well-known/jwks.json", guard: .anyone, limit: nil, OperationsHandler.jwks)
            $0.get("/health", guard: .anyone, limit: nil, OperationsHandler.health)
            $0.get("/health/live", guard: .anyone, limit: nil, OperationsHandler.live)
            $0.get("/health/ready", guard: .anyone, limit: nil, OperationsHandler.ready)
            $0.get("/metrics", guard: .machine, limit: nil, OperationsHandler.metrics)
        }
        table.group("", tag: "Documentation") {
            $0.get("/", guard: .anyone, limit: .standard, PageHandler.home)
            $0.get("/api/openapi.json", guard: .anyone, limit: .standard, PageHandler.openAPI)
            $0.get("/api/docs", guard: .anyone, limit: .standard, PageHandler.docs)
            $0.get("/assets/gatehouse.css", guard: .anyone, limit: nil, PageHandler.styles)
            $0.get("/assets/docs.js", guard: .anyone, limit: nil, PageHandler.docsScript)
            $0.get("/assets/fields.js", guard: .anyone, limit: nil, PageHandler.fieldsScript)
            $0.get("/assets/link.js", guard: .anyone, limit: nil, PageHandler.linkScript)
        }
        return table.endpoints
    }()
}
