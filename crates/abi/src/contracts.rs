//! The contracts' own types, generated from their Solidity signatures: calls (`…Call`), return values, events, errors.
//!
//! Names are PoCo's. The hub also has our extension: issuing and redeeming credits, and groups of addresses.

alloy_sol_types::sol! {
    #![sol(all_derives)]

    struct AppOrder {
        address app;
        uint256 appprice;
        uint256 volume;
        bytes32 tag;
        address datasetrestrict;
        address workerpoolrestrict;
        address requesterrestrict;
        bytes32 salt;
        bytes sign;
    }

    struct DatasetOrder {
        address dataset;
        uint256 datasetprice;
        uint256 volume;
        bytes32 tag;
        address apprestrict;
        address workerpoolrestrict;
        address requesterrestrict;
        bytes32 salt;
        bytes sign;
    }

    struct WorkerpoolOrder {
        address workerpool;
        uint256 workerpoolprice;
        uint256 volume;
        bytes32 tag;
        uint256 category;
        uint256 trust;
        address apprestrict;
        address datasetrestrict;
        address requesterrestrict;
        bytes32 salt;
        bytes sign;
    }

    struct RequestOrder {
        address app;
        uint256 appmaxprice;
        address dataset;
        uint256 datasetmaxprice;
        address workerpool;
        uint256 workerpoolmaxprice;
        address requester;
        uint256 volume;
        bytes32 tag;
        uint256 category;
        uint256 trust;
        address beneficiary;
        address callback;
        string params;
        bytes32 salt;
        bytes sign;
    }

    struct AppOrderOperation { AppOrder order; uint8 operation; bytes sign; }
    struct DatasetOrderOperation { DatasetOrder order; uint8 operation; bytes sign; }
    struct WorkerpoolOrderOperation { WorkerpoolOrder order; uint8 operation; bytes sign; }
    struct RequestOrderOperation { RequestOrder order; uint8 operation; bytes sign; }

    struct Account { uint256 stake; uint256 locked; }
    struct Category { string name; string description; uint256 workClockTimeRef; }
    struct EIP712DomainData { string name; string version; uint256 chainId; address verifyingContract; }
    struct Resource { address pointer; address owner; uint256 price; }

    struct Deal {
        Resource app;
        Resource dataset;
        Resource workerpool;
        uint256 trust;
        uint256 category;
        bytes32 tag;
        address requester;
        address beneficiary;
        address callback;
        string params;
        uint256 startTime;
        uint256 botFirst;
        uint256 botSize;
        uint256 workerStake;
        uint256 schedulerRewardRatio;
        address sponsor;
    }

    struct Task {
        uint8 status;
        bytes32 dealid;
        uint256 idx;
        uint256 timeref;
        uint256 contributionDeadline;
        uint256 revealDeadline;
        uint256 finalDeadline;
        bytes32 consensusValue;
        uint256 revealCounter;
        uint256 winnerCounter;
        address[] contributors;
        bytes32 resultDigest;
        bytes results;
        uint256 resultsTimestamp;
        bytes resultsCallback;
    }

    struct Contribution {
        uint8 status;
        bytes32 resultHash;
        bytes32 resultSeal;
        address enclaveChallenge;
        uint256 weight;
    }

    struct AppDetails {
        address owner;
        string m_appName;
        string m_appType;
        bytes m_appMultiaddr;
        bytes32 m_appChecksum;
        bytes m_appMREnclave;
    }

    struct DatasetDetails {
        address owner;
        string m_datasetName;
        bytes m_datasetMultiaddr;
        bytes32 m_datasetChecksum;
    }

    struct WorkerpoolDetails {
        address owner;
        string m_workerpoolDescription;
        uint256 m_workerStakeRatioPolicy;
        uint256 m_schedulerRewardRatioPolicy;
    }

    interface Hub {
        error CallerIsNotTheRequester();
        error IncompatibleDatasetOrder(string reason);
        error MathOverflowedMulDiv();
        error OperationFailed();
        error UnsupportedOperation(bytes4 selector);

        event AccurateContribution(address indexed worker, bytes32 indexed taskid);
        event Approval(address indexed owner, address indexed spender, uint256 value);
        event BroadcastAppOrder(AppOrder apporder);
        event BroadcastDatasetOrder(DatasetOrder datasetorder);
        event BroadcastRequestOrder(RequestOrder requestorder);
        event BroadcastWorkerpoolOrder(WorkerpoolOrder workerpoolorder);
        event ClosedAppOrder(bytes32 appHash);
        event ClosedDatasetOrder(bytes32 datasetHash);
        event ClosedRequestOrder(bytes32 requestHash);
        event ClosedWorkerpoolOrder(bytes32 workerpoolHash);
        event CreateCategory(uint256 catid, string name, string description, uint256 workClockTimeRef);
        event DealSponsored(bytes32 dealId, address sponsor);
        event FaultyContribution(address indexed worker, bytes32 indexed taskid);
        event Lock(address owner, uint256 amount);
        event OrdersMatched(bytes32 dealid, bytes32 appHash, bytes32 datasetHash, bytes32 workerpoolHash, bytes32 requestHash, uint256 volume);
        event Reward(address owner, uint256 amount, bytes32 ref);
        event SchedulerNotice(address indexed workerpool, bytes32 dealid);
        event Seize(address owner, uint256 amount, bytes32 ref);
        event SignedAppOrder(bytes32 appHash);
        event SignedDatasetOrder(bytes32 datasetHash);
        event SignedRequestOrder(bytes32 requestHash);
        event SignedWorkerpoolOrder(bytes32 workerpoolHash);
        event TaskClaimed(bytes32 indexed taskid);
        event TaskConsensus(bytes32 indexed taskid, bytes32 consensus);
        event TaskContribute(bytes32 indexed taskid, address indexed worker, bytes32 hash);
        event TaskFinalize(bytes32 indexed taskid, bytes results);
        event TaskInitialize(bytes32 indexed taskid, address indexed workerpool);
        event TaskReopen(bytes32 indexed taskid);
        event TaskReveal(bytes32 indexed taskid, address indexed worker, bytes32 digest);
        event Transfer(address indexed from, address indexed to, uint256 value);
        event Unlock(address owner, uint256 amount);

        function allowance(address account, address spender) external view returns (uint256);
        function appregistry() external view returns (address);
        function approve(address spender, uint256 value) external returns (bool);
        function approveAndCall(address spender, uint256 value, bytes extraData) external returns (bool);
        function assertDatasetDealCompatibility(DatasetOrder datasetOrder, bytes32 dealId) external view;
        function balanceOf(address account) external view returns (uint256);
        function broadcastAppOrder(AppOrder _apporder) external;
        function broadcastDatasetOrder(DatasetOrder _datasetorder) external;
        function broadcastRequestOrder(RequestOrder _requestorder) external;
        function broadcastWorkerpoolOrder(WorkerpoolOrder _workerpoolorder) external;
        function callbackgas() external view returns (uint256);
        function claim(bytes32 _taskid) external;
        function claimArray(bytes32[] _taskid) external returns (bool);
        function computeDealVolume(AppOrder appOrder, DatasetOrder datasetOrder, WorkerpoolOrder workerpoolOrder, RequestOrder requestOrder) external view returns (uint256);
        function contribute(bytes32 _taskid, bytes32 _resultHash, bytes32 _resultSeal, address _enclaveChallenge, bytes _enclaveSign, bytes _authorizationSign) external;
        function contributeAndFinalize(bytes32 _taskid, bytes32 _resultDigest, bytes _results, bytes _resultsCallback, address _enclaveChallenge, bytes _enclaveSign, bytes _authorizationSign) external;
        function contribution_deadline_ratio() external pure returns (uint256);
        function countCategory() external view returns (uint256 count);
        function createCategory(string name, string description, uint256 workClockTimeRef) external returns (uint256);
        function datasetregistry() external view returns (address);
        function decimals() external view returns (uint8);
        function decreaseAllowance(address spender, uint256 subtractedValue) external returns (bool);
        function deposit(uint256 amount) external returns (bool);
        function depositFor(uint256 amount, address target) external returns (bool);
        function depositForArray(uint256[] amounts, address[] targets) external returns (bool);
        function domain() external view returns (EIP712DomainData);
        function eip712domain_separator() external view returns (bytes32);
        function final_deadline_ratio() external pure returns (uint256);
        function finalize(bytes32 _taskid, bytes _results, bytes _resultsCallback) external;
        function frozenOf(address account) external view returns (uint256);
        function groupmember_purpose() external pure returns (uint256);
        function increaseAllowance(address spender, uint256 addedValue) external returns (bool);
        function initialize(bytes32 _dealid, uint256 idx) external returns (bytes32);
        function initializeAndClaimArray(bytes32[] _dealid, uint256[] _idx) external returns (bool);
        function initializeArray(bytes32[] _dealid, uint256[] _idx) external returns (bool);
        function kitty_address() external pure returns (address);
        function kitty_min() external pure returns (uint256);
        function kitty_ratio() external pure returns (uint256);
        function manageAppOrder(AppOrderOperation _apporderoperation) external;
        function manageDatasetOrder(DatasetOrderOperation _datasetorderoperation) external;
        function manageRequestOrder(RequestOrderOperation _requestorderoperation) external;
        function manageWorkerpoolOrder(WorkerpoolOrderOperation _workerpoolorderoperation) external;
        function matchOrders(AppOrder _apporder, DatasetOrder _datasetorder, WorkerpoolOrder _workerpoolorder, RequestOrder _requestorder) external returns (bytes32);
        function name() external view returns (string);
        function reopen(bytes32 _taskid) external;
        function resultFor(bytes32 id) external view returns (bytes);
        function reveal(bytes32 _taskid, bytes32 _resultDigest) external;
        function reveal_deadline_ratio() external pure returns (uint256);
        function setCallbackGas(uint256 _callbackgas) external;
        function setTeeBroker(address _teebroker) external;
        function sponsorMatchOrders(AppOrder _apporder, DatasetOrder _datasetorder, WorkerpoolOrder _workerpoolorder, RequestOrder _requestorder) external returns (bytes32);
        function symbol() external view returns (string);
        function teebroker() external view returns (address);
        function token() external view returns (address);
        function totalSupply() external view returns (uint256);
        function transfer(address recipient, uint256 amount) external returns (bool);
        function transferFrom(address sender, address recipient, uint256 amount) external returns (bool);
        function verifyPresignature(address _identity, bytes32 _hash) external view returns (bool);
        function verifyPresignatureOrSignature(address _identity, bytes32 _hash, bytes _signature) external view returns (bool);
        function verifySignature(address _identity, bytes32 _hash, bytes _signature) external view returns (bool);
        function viewAccount(address account) external view returns (Account);
        function viewApp(address app) external view returns (AppDetails);
        function viewCategory(uint256 _catid) external view returns (Category category);
        function viewConsumed(bytes32 _id) external view returns (uint256 consumed);
        function viewContribution(bytes32 _taskid, address _worker) external view returns (Contribution);
        function viewDataset(address dataset) external view returns (DatasetDetails);
        function viewDeal(bytes32 id) external view returns (Deal deal);
        function viewPresigned(bytes32 _id) external view returns (address signer);
        function viewScore(address _worker) external view returns (uint256);
        function viewTask(bytes32 id) external view returns (Task);
        function viewWorkerpool(address workerpool) external view returns (WorkerpoolDetails);
        function withdraw(uint256 amount) external returns (bool);
        function withdrawTo(uint256 amount, address target) external returns (bool);
        function workerpool_stake_ratio() external pure returns (uint256);
        function workerpoolregistry() external view returns (address);
    }

    // What the hub of an exchange of ours can do besides. No function of PoCo's has one of these selectors.
    interface Extension {
        event GroupCreated(address indexed group, address indexed owner);
        event GroupMemberSet(address indexed group, address indexed member, bool isMember);
        event PoolHosted(address indexed pool, bool open);
        event PoolClosed(address indexed pool);
        event Invited(address indexed pool, address indexed worker, bool invited);
        event Left(address indexed pool, address indexed worker, uint256 released);

        function issue(address account, uint256 amount) external;
        function redeem(address account, uint256 amount) external;
        function createGroup(bytes32 salt) external returns (address);
        function setGroupMember(address group, address member, bool isMember) external;
        function openPool(string description, uint256 workerStakeRatio, uint256 schedulerRewardRatio, bool open) external returns (address);
        function hostPool(address pool, bool open) external;
        function closePool(address pool) external;
        function invite(address pool, address worker, bool invited) external;
        function leavePool(address pool, address worker) external;
    }

    interface Registry {
        event Approval(address indexed owner, address indexed approved, uint256 indexed tokenId);
        event ApprovalForAll(address indexed owner, address indexed operator, bool approved);
        event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
        event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);

        function approve(address to, uint256 tokenId) external;
        function balanceOf(address owner) external view returns (uint256);
        function createApp(address _appOwner, string _appName, string _appType, bytes _appMultiaddr, bytes32 _appChecksum, bytes _appMREnclave) external returns (address);
        function createDataset(address _datasetOwner, string _datasetName, bytes _datasetMultiaddr, bytes32 _datasetChecksum) external returns (address);
        function createWorkerpool(address _workerpoolOwner, string _workerpoolDescription) external returns (address);
        function getApproved(uint256 tokenId) external view returns (address);
        function isApprovedForAll(address owner, address operator) external view returns (bool);
        function isRegistered(address _entry) external view returns (bool);
        function name() external view returns (string);
        function owner() external view returns (address);
        function ownerOf(uint256 tokenId) external view returns (address);
        function predictApp(address _appOwner, string _appName, string _appType, bytes _appMultiaddr, bytes32 _appChecksum, bytes _appMREnclave) external view returns (address);
        function predictDataset(address _datasetOwner, string _datasetName, bytes _datasetMultiaddr, bytes32 _datasetChecksum) external view returns (address);
        function predictWorkerpool(address _workerpoolOwner, string _workerpoolDescription) external view returns (address);
        function safeTransferFrom(address from, address to, uint256 tokenId) external;
        function safeTransferFrom(address from, address to, uint256 tokenId, bytes _data) external;
        function setApprovalForAll(address operator, bool approved) external;
        function symbol() external view returns (string);
        function tokenByIndex(uint256 index) external view returns (uint256);
        function tokenOfOwnerByIndex(address owner, uint256 index) external view returns (uint256);
        function totalSupply() external view returns (uint256);
        function transferFrom(address from, address to, uint256 tokenId) external;
    }

    // Apps, datasets and workerpools together: no two of their functions have one selector.
    interface Asset {
        event PolicyUpdate(uint256 oldWorkerStakeRatioPolicy, uint256 newWorkerStakeRatioPolicy, uint256 oldSchedulerRewardRatioPolicy, uint256 newSchedulerRewardRatioPolicy);

        function owner() external view returns (address);
        function registry() external view returns (address);
        function m_appChecksum() external view returns (bytes32);
        function m_appMREnclave() external view returns (bytes);
        function m_appMultiaddr() external view returns (bytes);
        function m_appName() external view returns (string);
        function m_appType() external view returns (string);
        function m_datasetChecksum() external view returns (bytes32);
        function m_datasetMultiaddr() external view returns (bytes);
        function m_datasetName() external view returns (string);
        function m_schedulerRewardRatioPolicy() external view returns (uint256);
        function m_workerStakeRatioPolicy() external view returns (uint256);
        function m_workerpoolDescription() external view returns (string);
        function changePolicy(uint256 _newWorkerStakeRatioPolicy, uint256 _newSchedulerRewardRatioPolicy) external;
    }

    interface Rlc {
        event Approval(address indexed owner, address indexed spender, uint256 value);
        event Transfer(address indexed from, address indexed to, uint256 value);

        function allowance(address _owner, address _spender) external view returns (uint256 remaining);
        function approve(address _spender, uint256 _value) external returns (bool);
        function approveAndCall(address _spender, uint256 _value, bytes _extraData) external;
        function balanceOf(address _owner) external view returns (uint256 balance);
        function decimals() external view returns (uint8);
        function name() external view returns (string);
        function symbol() external view returns (string);
        function totalSupply() external view returns (uint256);
        function transfer(address _to, uint256 _value) external returns (bool);
        function transferFrom(address _from, address _to, uint256 _value) external returns (bool);
    }

    // ERC-734, as far as PoCo asks it.
    interface Group {
        function keyHasPurpose(bytes32 key, uint256 purpose) external view returns (bool);
    }
}
