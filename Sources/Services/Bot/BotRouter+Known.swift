import Store

extension BotRouter {
    /// Everything that bots know.
    init(
        _ own: OwnAccount, users: UserService, codes: SignInCodes, log: AuditLog, store: DataStore, disown: DisownButton,
        signIns: BotSignInTalk, access: AccessRequestTalk
    ) {
        let sessions = SessionsCommand(own: own)
        self.init(
            commands: [
                MeCommand(own: own), WhoAmICommand(own: own), CodeCommand(own: own, codes: codes), sessions,
                LogoutAllCommand(), PhoneCommand(), UsersCommand(own: own, users: users),
                StatusCommand(blocks: true, own: own, users: users, store: store),
                StatusCommand(blocks: false, own: own, users: users, store: store), AuditCommand(own: own, log: log),
                AccessRequestsCommand(talks: access), ApproveCommand(talks: access), RejectCommand(talks: access),
                AccessReviewsCommand(talks: access),
            ],
            buttons: [
                SessionButton(command: sessions), LogoutAllButton(own: own), disown,
                StatusButton(blocks: true, own: own, users: users), StatusButton(blocks: false, own: own, users: users), signIns,
                AccessRequestButton(talks: access), AccessReviewButton(talks: access),
            ],
            start: [signIns, AccessRequestStart(talks: access)])
    }
}
