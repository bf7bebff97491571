/**
 * The lines of the mission's README that start a container, from its sections SYNOPSIS, EXAMPLES and the usage
 * of each image, as it has them but for this: "[ OTHER ... OPTIONS ]" is one such option here, what a shell
 * would make of the host's name is a number, pdsh in front is left out, and the aggregator's usage, which
 * names ldms-samp, names ldms-agg. What stands in brackets is left out or kept by the test.
 */

/** One such line. */
export interface MissionLine {
  readonly section: string;
  readonly line: string;
}

const hostMunge = '-v /run/munge:/run/munge:ro';
const ownKey = '-v /on-host/munge.key:/etc/munge/munge.key:ro';

export const missionLines: readonly MissionLine[] = [
  {
    section: 'SYNOPSIS maestro',
    line: `docker run -d --name=<CONTAINER_NAME> --network=host --privileged [ ${hostMunge} ] [ ${ownKey} ] -v /on-host/ldms_cfg.yaml:/etc/ldms_cfg.yaml:ro ovishpc/ldms-maestro`,
  },
  {
    section: 'SYNOPSIS samp',
    line: `docker run -d --name=<CONTAINER_NAME> --network=host --pid=host --privileged -e COMPID=<NUMBER> [ ${hostMunge} ] [ ${ownKey} ] ovishpc/ldms-samp -x <XPRT>:<PORT> [ -a munge ] [ -v INFO ]`,
  },
  {
    section: 'SYNOPSIS agg',
    line: `docker run -d --name=<CONTAINER_NAME> --network=host --pid=host --privileged -e COMPID=<NUMBER> [ -v /on-host/storage:/storage:rw ] [ -v /on-host/dsosd.json:/etc/dsosd.json:ro ] [ ${hostMunge} ] [ ${ownKey} ] ovishpc/ldms-agg -x <XPRT>:<PORT> [ -a munge ] [ -v INFO ]`,
  },
  {
    section: 'SYNOPSIS ui',
    line: 'docker run -d --name=<CONTAINER_NAME> --network=host --privileged -v /on-host/dsosd.conf:/opt/ovis/etc/dsosd.conf -v /on-host/settings.py:/opt/ovis/ui/sosgui/settings.py ovishpc/ldms-ui [ --http-socket=<ADDR>:<PORT> ] [ --processes=2 ]',
  },
  {
    section: 'SYNOPSIS grafana',
    line: 'docker run -d --name=<CONTAINER_NAME> --network=host --privileged [ -v /on-host/grafana.ini:/etc/grafana/grafana.ini:ro ] [ -e GF_SERVER_HTTP_ADDR=<ADDR> ] [ -e GF_SERVER_HTTP_PORT=<PORT> ] ovishpc/ldms-grafana [ cfg:users.allow_sign_up=false ]',
  },
  {
    section: 'EXAMPLES samplers',
    line: `docker run -d --name=samp --network=host --pid=host --privileged ${hostMunge} -e COMPONENT_ID=1 ovishpc/ldms-samp -x rdma:411 -a munge`,
  },
  {
    section: 'EXAMPLES L1 aggregators',
    line: `docker run -d --name=agg1 --network=host --pid=host  --privileged ${hostMunge} ovishpc/ldms-agg -x rdma:411 -a munge`,
  },
  {
    section: 'EXAMPLES L2 aggregator',
    line: `docker run -d --name=agg2 --network=host --pid=host --privileged ${hostMunge} -v /store:/store:rw ovishpc/ldms-agg -x rdma:411 -a munge`,
  },
  {
    section: 'EXAMPLES maestro',
    line: `docker run -d --name=maestro --network=host --privileged ${hostMunge} -v \${PWD}/ldms_cfg.yaml:/etc/ldms_cfg.yaml:ro ovishpc/ldms-maestro`,
  },
  {
    section: 'EXAMPLES ui',
    line: 'docker run -d --name=ui --network=host --privileged -v ${PWD}/dsosd.conf:/opt/ovis/etc/dsosd.conf -v ${PWD}/settings.py:/opt/ovis/ui/sosgui/settings.py ovishpc/ldms-ui',
  },
  {
    section: 'EXAMPLES grafana',
    line: 'docker run -d --name=grafana --privileged --network=host ovishpc/ldms-grafana',
  },
  {
    section: 'samp usage',
    line: `docker run -d --name=samp --network=host --pid=host --privileged -e COMPID=100 ${hostMunge} ovishpc/ldms-samp -x sock:411 -a munge`,
  },
  {
    section: 'agg usage',
    line: `docker run -d --name=agg --network=host --privileged ${hostMunge} -v /on-host/storage:/storage:rw ovishpc/ldms-agg -x sock:411 -a munge`,
  },
  {
    section: 'maestro usage',
    line: `docker run -d --network=host --privileged ${hostMunge} -v /my/ldms_cfg.yaml:/etc/ldms_cfg.yaml:rw ovishpc/ldms-maestro`,
  },
  {
    section: 'ui usage',
    line: 'docker run -d --name=ui --network=host --privileged -v /HOST/dsosd.conf:/opt/ovis/etc/dsosd.conf -v /HOST/settings.py:/opt/ovis/ui/sosgui/settings.py ovishpc/ldms-ui',
  },
  {
    section: 'grafana usage',
    line: 'docker run -d --name=grafana --privileged --network=host ovishpc/ldms-grafana',
  },
];
