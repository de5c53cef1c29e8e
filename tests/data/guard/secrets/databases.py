"""Connection strings: URLs, JDBC, ODBC, ADO, `.pgpass`, `.netrc`, command lines. The value is the password in it."""

from __future__ import annotations

import base64
import random

from tests.data.guard.secrets.table import SecretType
from tests.data.guard.shapes import draw

URLS = {
    "PostgreSQL": "postgresql://{app/shop/reporting}:\0@db{dig:2}.internal.example.net:5432/{orders/billing}",
    "PostgreSQL psycopg": "postgresql+psycopg2://app:\0@10.2.{dig:1}.{dig:2}/prod?sslmode=require",
    "Postgres": "postgres://svc_{low:4}:\0@localhost:5432/app",
    "MySQL": "mysql://root:\0@mysql.{low:6}.local:3306/shop",
    "MySQL driver": "mysql+pymysql://wp:\0@127.0.0.1/wordpress?charset=utf8mb4",
    "MariaDB": "mariadb://admin:\0@maria-{dig:1}.lan/crm",
    "MongoDB": "mongodb://admin:\0@mongo{dig:1}.corp.lan:27017/admin?authSource=admin",
    "MongoDB Atlas": "mongodb+srv://app_user:\0@cluster{dig:1}.{ld:5}.mongodb.net/prod?retryWrites=true",
    "Redis": "redis://:\0@cache.{low:5}.internal:6379/0",
    "Redis TLS": "rediss://default:\0@{low:8}-{dig:5}.upstash.io:6379",
    "RabbitMQ": "amqp://broker:\0@rabbit.{low:5}.lan:5672/%2f",
    "RabbitMQ TLS": "amqps://svc:\0@{low:6}.rmq.cloudamqp.com/{low:8}",
    "Elasticsearch": "https://elastic:\0@es{dig:1}.search.lan:9200",
    "ClickHouse": "clickhouse://default:\0@ch.analytics.lan:9000/events",
    "CockroachDB": "postgresql://roach:\0@free-tier{dig:2}.aws-eu.cockroachlabs.cloud:26257/bank",
    "SQL Server": "mssql+pyodbc://sa:\0@sql{dig:2}/Sales?driver=ODBC+Driver+17+for+SQL+Server",
    "Oracle": "oracle+cx_oracle://hr:\0@ora{dig:1}.lan:1521/?service_name=XE",
    "CouchDB": "http://admin:\0@couch.{low:4}.lan:5984/notes",
    "Neo4j": "neo4j://neo4j:\0@graph.{low:5}.lan:7687",
    "Neo4j bolt": "bolt://neo4j:\0@10.0.{dig:1}.{dig:2}:7687",
    "Cassandra": "cassandra://cass:\0@c1.{low:4}.lan:9042/telemetry",
    "InfluxDB": "influxdb://writer:\0@influx.{low:4}.lan:8086/metrics",
    "Snowflake": "snowflake://loader:\0@{low:2}{dig:5}.eu-central-1/RAW/PUBLIC?warehouse=WH",
    "Redshift": "redshift+psycopg2://etl:\0@dw.{ld:12}.eu-west-1.redshift.amazonaws.com:5439/dev",
    "Kafka": "kafka://client:\0@broker{dig:1}.{low:4}.lan:9092",
    "NATS": "nats://worker:\0@nats.{low:4}.lan:4222",
    "MQTT": "mqtts://sensor:\0@mqtt.{low:4}.lan:8883",
    "LDAP": "ldap://cn=reader:\0@ldap.{low:4}.lan:389",
    "FTP": "ftp://upload:\0@ftp.{low:6}.de/incoming",
    "SFTP": "sftp://backup:\0@{low:6}.backup.lan:22/daily",
    "SMTP": "smtp://mailer:\0@smtp.{low:6}.com:587",
    "SMB": "smb://CORP;svc:\0@files.{low:4}.lan/share",
    "HTTPS": "https://deploy:\0@git.{low:6}.org/infra/site.git",
    "Git": "git clone https://oauth2:\0@code.{low:6}.dev/team/app.git",
    "Proxy": "http://proxyuser:\0@proxy.{low:5}.corp:3128",
    "SOCKS": "socks5://user{dig:2}:\0@{dig:2}.12.{dig:1}.{dig:1}:1080",
    "RTSP": "rtsp://admin:\0@192.168.{dig:1}.{dig:2}:554/stream1",
    "PHP DSN": "mysql:host=db;dbname=shop;user=shop;password=\0",
    "Celery broker": "pyamqp://celery:\0@mq.{low:4}.lan//",
}

FRAMES = ("{url}", "DATABASE_URL={url}", 'engine = create_engine("{url}")', "url: {url}", '"connection": "{url}"',
          "2026-05-11 07:02:11 ERROR could not connect to {url}", "Environment='DSN={url}'")  # fmt: skip

STRINGS = {
    "JDBC PostgreSQL": ("jdbc:postgresql://db.{low:5}.lan:5432/app?user=app&password=\0&ssl=true",),
    "JDBC MySQL": (
        "spring.datasource.url=jdbc:mysql://root:\0@db:3306/shop",
        "jdbc:mysql://db:3306/x?user=u&password=\0",
    ),
    "JDBC SQL Server": ("jdbc:sqlserver://sql{dig:1}.lan:1433;databaseName=Sales;user=sa;password=\0;encrypt=true",),
    "JDBC Oracle": ("jdbc:oracle:thin:hr/\0@//ora.{low:4}.lan:1521/XEPDB1",),
    "ADO": (
        "Server=tcp:{low:6}.database.windows.net,1433;Database=crm;User ID=svc;Password=\0;Encrypt=True;",
        '<add name="Main" connectionString="Data Source=SQL{dig:2};Initial Catalog=Erp;User Id=erp;Password=\0" />',
    ),
    "Docker registry": (
        "docker login registry.{low:6}.io -u ci -p \0",
        "docker login -u ci --password \0 registry.{low:5}.dev",
    ),
    "ADO short": ("Data Source=.;Initial Catalog=Shop;UID=shop;PWD=\0;",),
    "ODBC": ("DRIVER={{ODBC Driver 18 for SQL Server}};SERVER=sql.{low:4}.lan;DATABASE=dw;UID=etl;PWD=\0",),
    "libpq": ("host=db.{low:5}.lan port=5432 dbname=app user=app password=\0 sslmode=require",),
    "pgpass": ("db.{low:6}.lan:5432:orders:app:\0", "*:*:*:postgres:\0"),
    "netrc": (
        "machine git.{low:6}.org login ci password \0",
        "machine ftp.{low:5}.net\n  login upload\n  password \0\n",
    ),
    "my.cnf": ("[client]\nuser=root\npassword=\0\nhost=localhost\n",),
    "mysql command": (
        "mysql -h db.lan -u root -p\0 shop < dump.sql",
        "mysqldump --user=backup --password=\0 --all-databases",
    ),
    "psql command": ("PGPASSWORD=\0 psql -h db.lan -U app orders",),
    "redis command": ("redis-cli -h cache.lan -a \0 ping", "requirepass \0"),
    "mongo command": ("mongosh --host db.lan -u admin -p \0 --authenticationDatabase admin",),
    "SQL user": (
        "CREATE USER app WITH PASSWORD '\0';",
        "CREATE USER 'shop'@'%' IDENTIFIED BY '\0';",
        "ALTER ROLE reporting WITH LOGIN PASSWORD '\0';",
        "ALTER USER sa WITH PASSWORD = '\0';",
    ),
    "sshpass": ("sshpass -p '\0' ssh deploy@10.1.2.3", "sshpass -p \0 scp dump.sql backup@nas.lan:/srv/"),
    "curl user": (
        "curl -u admin:\0 https://ci.{low:6}.lan/job/build",
        "curl --user deploy:\0 -T a.jar https://nexus.lan/r/",
    ),
    "wget": ("wget --user=report --password=\0 https://files.{low:5}.lan/x.csv",),
    "ansible": ("ansible_ssh_pass=\0", "ansible_become_password: \0", "web1 ansible_host=10.0.0.4 ansible_password=\0"),
    "net use": ("net use Z: \\\\files\\share /user:CORP\\svc \0",),
    "PowerShell": (
        '$pw = ConvertTo-SecureString "\0" -AsPlainText -Force',
        "ConvertTo-SecureString -String '\0' -AsPlainText",
    ),
    "chpasswd": ("echo 'deploy:\0' | chpasswd", 'echo "root:\0" | sudo chpasswd'),
    "htpasswd command": ("htpasswd -b /etc/nginx/.htpasswd admin \0",),
    "smbclient": ("smbclient //files/share -U svc%\0",),
    "openssl": ("openssl enc -d -aes-256-cbc -in a.enc -pass pass:\0", "openssl rsa -in k.pem -passin pass:\0"),
    "keytool": ("keytool -genkey -keystore app.jks -storepass \0 -keypass changeit2",),
    "zip": ("7z x archive.7z -p\0", "unzip -P \0 backup.zip"),
    "Kubernetes secret": (
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ndata:\n  password: {=b64}\n".replace("{=b64}", "\0"),
    ),
}


def password(rng: random.Random) -> str:
    """Make the password of a service: letters and digits, sometimes with a sign that needs no escape."""
    value = draw(rng, "an", rng.randint(10, 24))
    at = rng.randrange(2, len(value) - 2)
    return value if rng.random() < 0.6 else value[:at] + rng.choice("!-_.*~") + value[at:]


def encoded(rng: random.Random) -> str:
    """Make a password as a Kubernetes secret holds it."""
    return base64.b64encode(password(rng).encode()).decode()


def url_type(service: str, url: str) -> SecretType:
    """Make a type out of a URL."""
    frames = tuple(frame.replace("{url}", url) for frame in FRAMES)
    return SecretType(service, "connection password", "{=password}", (), "databases", distinctive=False,
                      makers={"password": password}, frames=frames)  # fmt: skip


def string_type(service: str, frames: tuple[str, ...]) -> SecretType:
    """Make a type out of other connection strings and commands."""
    maker = encoded if service == "Kubernetes secret" else password
    frames = tuple(frame.replace("{{", "").replace("}}", "") for frame in frames)
    return SecretType(service, "password", "{=password}", (), "databases", distinctive=False,
                      makers={"password": maker}, frames=frames)  # fmt: skip


TYPES = [
    *(url_type(service, url) for service, url in URLS.items()),
    *(string_type(service, frames) for service, frames in STRINGS.items()),
]
