// The account service: hosts account shards, settles trades on them and serves accounts.
import { AccountAdminService } from '../../gen/bourse/account/v1/admin_service_pb.ts';
import { AccountService } from '../../gen/bourse/account/v1/service_pb.ts';
import { LedgerService } from '../../gen/bourse/ledger/v1/service_pb.ts';
import { loadNodeConfig } from '../lib/platform/config/node-config.ts';
import { openNode } from '../lib/platform/lifecycle/open-node.ts';
import { runService } from '../lib/platform/lifecycle/run-service.ts';
import { ledgerHandlers } from './adapter/ledger-service.ts';
import { openShards } from './adapter/open-shards.ts';
import { accountAdminHandlers } from './adapter/public/account-admin-service.ts';
import { accountHandlers } from './adapter/public/account-service.ts';
import { atLeader } from './adapter/public/at-leader.ts';

runService(async (lifecycle) => {
  const config = loadNodeConfig('account', process.argv.slice(2), process.env);
  const { logger, server, serve } = await openNode(config, lifecycle);
  const shards = openShards(config, logger, lifecycle);
  server.add(LedgerService, ledgerHandlers(shards.node));
  const { node, road } = shards;
  server.add(AccountService, atLeader(AccountService, accountHandlers(node), road));
  server.add(AccountAdminService, atLeader(AccountAdminService, accountAdminHandlers(node), road));
  await serve();
  shards.join((isServing) => server.health.setAll(isServing));
});
