//! The names the server certificate covers: every host a firmware may have been built for, and the
//! loopback names its traffic is redirected to.

/// Regions that the CoAP endpoint has been documented for, then the others of the platform.
const REGIONS: [&str; 9] = [
    "cn-shanghai",
    "cn-beijing",
    "cn-shenzhen",
    "ap-northeast-1",
    "ap-southeast-1",
    "eu-central-1",
    "us-east-1",
    "us-west-1",
    "cn-hangzhou",
];

/// DNS names. `*.` stands for one label: the product key, `pre`, or an instance id.
pub fn cloud_hosts() -> Vec<String> {
    let mut names = Vec::new();
    for region in REGIONS {
        names.push(format!("*.iot-as-coap.{region}.aliyuncs.com"));
        names.push(format!("*.coap.{region}.link.aliyuncs.com"));
    }
    let fixed = [
        "iot-as-coap.cn-shanghai.aliyuncs.com",
        "coap.cn-shanghai.link.aliyuncs.com",
        "*.coap.iothub.aliyuncs.com",
        "iot-as-coap.alibaba.net",
        "*.iot-as-coap.alibaba.net",
        "localhost",
    ];
    names.extend(fixed.map(String::from));
    names
}

/// Addresses in the certificate.
pub const LOOPBACK: [&str; 2] = ["127.0.0.1", "::1"];
